/** The one judgement that opens a gate: every required check present, once, and `verified`. */
import { type CheckName, type Claim, GATE_CHECKS, type Verdict } from './verdict.ts';

/**
 * What each pulse of an open gate must find again before the lease is renewed. The clocks are compared by the full runs
 * only: a guest's clock does not wander within seconds, a jump of the host's disarms the guard, and on a busy machine
 * the comparison needs more answers than a pulse has time for.
 */
export const PULSE_CHECKS = ['ruleset', 'routes', 'tunnel', 'dns', 'uplink'] as const satisfies readonly CheckName[];

/**
 * True only for a complete set. `exit` alone may be `not asked`, and only under the weaker claim that says so; a
 * configuration can add checks but has no way to drop one (P7).
 */
export function mayOpen(verdicts: readonly Verdict[], claim: Claim | undefined): claim is Claim {
  if (claim === undefined) return false;
  return GATE_CHECKS.every((check) => {
    const found = verdicts.filter((verdict) => verdict.check === check);
    const [verdict] = found;
    if (verdict === undefined || found.length !== 1) return false;
    return (
      verdict.outcome === 'verified' ||
      (check === 'exit' && verdict.outcome === 'not asked' && claim.kind === 'round-trip')
    );
  });
}

/** True only when every pulse check is there and verified. */
export function mayRenew(verdicts: readonly Verdict[]): boolean {
  return PULSE_CHECKS.every((check) => {
    const found = verdicts.filter((verdict) => verdict.check === check);
    return found.length === 1 && found[0]?.outcome === 'verified';
  });
}

/** The verdicts that stand in the way, for the reason shown to people. */
export function failing(verdicts: readonly Verdict[]): readonly Verdict[] {
  return verdicts.filter((verdict) => verdict.outcome === 'refuted' || verdict.outcome === 'unknown');
}
