/** What a case proves, from the same thing tried twice: at a whole gate, and where its defences are taken away. Pure. */
import type { DrillCase } from './catalogue.ts';

/** What was seen of one trial. */
export interface Observation {
  /** Frames, or attempts, that the work VM put on its wire. */
  readonly tried: number;
  /** Frames in clear on the untrusted network, by the witness that saw more. */
  readonly leaked: number;
  /** Attempts by name; none where a case is a fault. */
  readonly attempts: readonly string[];
  /** Those that the untrusted network could read. */
  readonly clear: readonly string[];
  /** The gate opened while what was there must not open it. */
  readonly opened: boolean;
  /** The guard held foreign frames back. */
  readonly held: boolean;
  readonly violated: boolean;
  /** From the fault to the last frame that left; to the first answer afterwards. Milliseconds. */
  readonly blockMs: number | null;
  readonly recoverMs: number | null;
  readonly tookMs: number;
  /** Why it did not come back. */
  readonly stuck: string | null;
}

/**
 * `held`: nothing got out, and where the defences are taken away, it did. `leaked`: it got out. `blind`: nothing got
 * out, but nothing says that it would have been seen. `stuck`: it could not be tried, or the gate did not come back.
 * `untried`: interrupted before.
 */
export type Outcome = 'held' | 'leaked' | 'blind' | 'stuck' | 'untried';

export interface Judgement {
  readonly outcome: Outcome;
  /** Why it is not held; none when it is. */
  readonly why: readonly string[];
}

/** A fault that fewer frames than this ran into proves little. */
export const ENOUGH_FRAMES = 200;

/** @param bare without defences; undefined: was not tried, or not to the end */
export function judge(
  { trial }: Pick<DrillCase, 'trial'>,
  guarded: Observation | undefined,
  bare: Observation | undefined,
): Judgement {
  if (guarded === undefined) return { outcome: 'untried', why: ['interrupted before it was tried'] };
  const leaks = leaksIn(guarded);
  if (leaks.length > 0) return { outcome: 'leaked', why: leaks };
  if (guarded.stuck !== null) return { outcome: 'stuck', why: [guarded.stuck] };
  const thin = trial.by === 'fault' ? guarded.tried < ENOUGH_FRAMES : guarded.tried === 0;
  if (thin) return { outcome: 'stuck', why: [`only ${guarded.tried} frames were tried`] };
  if (trial.by === 'frames' && trial.from === 'leased' && trial.after !== undefined && !guarded.held) {
    return { outcome: 'blind', why: ['the guard kept nothing: nobody knows that the frames reached it'] };
  }
  if (bare === undefined) return { outcome: 'untried', why: ['interrupted before it was tried without defences'] };
  const unseen = unseenIn(trial.by, guarded, bare);
  return unseen.length > 0 ? { outcome: 'blind', why: unseen } : { outcome: 'held', why: [] };
}

function leaksIn({ leaked, clear, opened }: Observation): string[] {
  return [
    ...clear.map((name) => `in clear: ${name}`),
    ...(leaked > 0 ? [`${leaked} frames in clear on the untrusted network`] : []),
    ...(opened ? ['the gate opened, and nothing there was the VPN server or a usable network'] : []),
  ];
}

/** What the run without defences must show and did not. */
function unseenIn(by: DrillCase['trial']['by'], guarded: Observation, bare: Observation): string[] {
  if (by === 'fault') return bare.leaked > 0 ? [] : ['without guard and firewall nothing was in clear either'];
  const missing = guarded.attempts.filter((name) => !bare.clear.includes(name));
  return missing.map((name) => `not in clear with the defences taken away either: ${name}`);
}
