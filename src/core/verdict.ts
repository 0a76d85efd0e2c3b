/** Verdicts: the only value that opens anything is `verified`. */
export type Outcome = 'verified' | 'refuted' | 'unknown' | 'not asked';

/** Every check by name, in the order they are shown. `definition` is judged per work VM at its start, never cached. */
export const GATE_CHECKS = [
  'image',
  'ruleset',
  'routes',
  'tunnel',
  'dns',
  'exit',
  'canary',
  'uplink',
  'clock',
] as const;

export type CheckName = (typeof GATE_CHECKS)[number] | 'definition';

/** What one check found. */
export interface Verdict {
  readonly check: CheckName;
  readonly outcome: Outcome;
  /** One plain sentence: what was found. */
  readonly summary: string;
  /** Observations behind the sentence, one a line. Hostile text: escaped when printed. */
  readonly evidence: readonly string[];
  /** What to type or change next; empty when verified. */
  readonly remedy: string;
  /** What an owned gateway could fake in this check, and which host-side witness corroborates it. */
  readonly trust: { readonly gatewayCouldFake: string; readonly hostWitness: string };
  readonly durationMs: number;
}

/** What the exit check is entitled to claim. */
export type Claim = { readonly kind: 'address'; readonly address: string } | { readonly kind: 'round-trip' };
