/** Every step of a verification has an end: its own deadline, or the caller's decision to stop. */
import { VmgateError } from '../core/coded.ts';
import { errors } from './codes.ts';

/**
 * Runs `work`, whose signal is aborted at the end, however it came.
 *
 * @throws VERIFY_LATE after `limitMs`, VERIFY_STOPPED when `outer` is aborted first
 */
export async function bounded<T>(
  step: string,
  limitMs: number,
  outer: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const inner = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let stop: (() => void) | undefined;
  const ended = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(VmgateError.of(errors.VERIFY_LATE, { step, limitMs })), limitMs);
    stop = () => reject(VmgateError.of(errors.VERIFY_STOPPED, { step }));
    if (outer.aborted) stop();
    outer.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([ended, work(inner.signal)]);
  } finally {
    clearTimeout(timer);
    if (stop !== undefined) outer.removeEventListener('abort', stop);
    inner.abort();
  }
}
