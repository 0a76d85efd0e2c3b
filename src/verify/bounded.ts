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
  const stopped = () => VmgateError.of(errors.VERIFY_STOPPED, { step });
  if (outer.aborted) throw stopped();
  const inner = new AbortController();
  let release = () => {};
  const ended = new Promise<never>((_, reject) => {
    const timer = setTimeout(() => reject(VmgateError.of(errors.VERIFY_LATE, { step, limitMs })), limitMs);
    const stop = () => reject(stopped());
    outer.addEventListener('abort', stop, { once: true });
    release = () => {
      clearTimeout(timer);
      outer.removeEventListener('abort', stop);
    };
  });
  try {
    return await Promise.race([ended, work(inner.signal)]);
  } finally {
    release();
    inner.abort();
  }
}
