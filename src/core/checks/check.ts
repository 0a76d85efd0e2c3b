/**
 * What every check consists of. `src/verify` gathers facts and measures time; the judges here only look at what was
 * gathered, so that every path of every judgement is a table in a unit test.
 */
import type { CheckName, Outcome, Verdict } from '../verdict.ts';

/** A judge's opinion: a verdict without the check's constant parts and its duration. */
export interface Opinion {
  readonly outcome: Outcome;
  /** One plain sentence: what was found. */
  readonly summary: string;
  /** What was observed, one a line. May be hostile text. */
  readonly evidence: readonly string[];
  /** What to type or change next; empty when verified. */
  readonly remedy: string;
}

export interface Check<Facts> {
  readonly name: CheckName;
  readonly trust: Verdict['trust'];
  /** Pure. Throws on facts it cannot read; the caller makes that `unknown`. */
  readonly judge: (facts: Facts) => Opinion;
}

export function verified(summary: string, evidence: readonly string[] = []): Opinion {
  return { outcome: 'verified', summary, evidence, remedy: '' };
}

export function refuted(summary: string, remedy: string, evidence: readonly string[] = []): Opinion {
  return { outcome: 'refuted', summary, evidence, remedy };
}

/** For facts that are missing, late or prove nothing either way. */
export function unknown(summary: string, remedy: string, evidence: readonly string[] = []): Opinion {
  return { outcome: 'unknown', summary, evidence, remedy };
}

export function notAsked(summary: string, remedy: string): Opinion {
  return { outcome: 'not asked', summary, evidence: [], remedy };
}

/** Remedy of everything an untampered gateway cannot show: a fresh one is one command away. */
export const FRESH_GATEWAY = 'vmgate down && vmgate up';
