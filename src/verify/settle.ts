/** Makes a verdict of whatever became of gathering a check's facts. */
import { createHash } from 'node:crypto';
import { canonicalJson } from '../core/canonical-json.ts';
import { type Check, type Opinion, unknown } from '../core/checks/check.ts';
import { VmgateError } from '../core/coded.ts';
import type { Verdict } from '../core/verdict.ts';

export interface Settled {
  readonly verdict: Verdict;
  /** `sha256:<hex>` of the facts that were judged; undefined when there were none. */
  readonly evidence: string | undefined;
}

/**
 * Never rejects: facts that did not come, and facts the judge cannot read, are `unknown`. The verdict's duration is
 * from this call, the start of the run, until the facts were there.
 */
export async function settle<F>(check: Check<F>, facts: Promise<F>, monotonicMs: () => number): Promise<Settled> {
  const began = monotonicMs();
  let opinion: Opinion;
  let evidence: string | undefined;
  try {
    const gathered = await facts;
    evidence = digestOf(canonicalJson(gathered));
    opinion = check.judge(gathered);
  } catch (cause) {
    opinion = doubt(cause);
  }
  const verdict = { check: check.name, trust: check.trust, ...opinion, durationMs: monotonicMs() - began };
  return { verdict, evidence };
}

export function digestOf(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}

function doubt(cause: unknown): Opinion {
  if (VmgateError.is(cause)) return unknown(cause.what, cause.remedy, [cause.code, ...cause.evidence]);
  const message = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
  return unknown('the check could not be made', 'vmgate verify', [message.slice(0, 400)]);
}
