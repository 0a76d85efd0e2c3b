/** Makes a verdict of whatever became of gathering a check's facts. */
import { type Check, type Opinion, unknown } from '../core/checks/check.ts';
import { VmgateError } from '../core/coded.ts';
import type { Verdict } from '../core/verdict.ts';

/**
 * Never rejects: facts that did not come, and facts the judge cannot read, are `unknown`. The verdict's duration is
 * from this call, the start of the run, until the facts were there.
 */
export async function settle<F>(check: Check<F>, facts: Promise<F>, monotonicMs: () => number): Promise<Verdict> {
  const began = monotonicMs();
  let opinion: Opinion;
  try {
    opinion = check.judge(await facts);
  } catch (cause) {
    opinion = doubt(cause);
  }
  return { check: check.name, trust: check.trust, ...opinion, durationMs: monotonicMs() - began };
}

function doubt(cause: unknown): Opinion {
  if (VmgateError.is(cause)) return unknown(cause.what, cause.remedy, [cause.code, ...cause.evidence]);
  const message = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
  return unknown('the check could not be made', 'vmgate verify', [message.slice(0, 400)]);
}
