/** What a run of cycles amounts to: pure. */
import { VmgateError } from '../core/coded.ts';
import { errors } from './codes.ts';

/** One fault and what became of it. */
export interface Cycle {
  readonly fault: string;
  /** Frames the work VM's wire was given from the fault to the recovery. */
  readonly tried: number;
  /** In clear on the untrusted network, by the lab's count and by the pcap behind the guard. */
  readonly leaked: { readonly lab: number; readonly uplink: number };
  /** Bytes of foreign frames the guard held back and kept. */
  readonly heldBytes: number;
  /** From the fault to the last frame of the work VM that left (into the tunnel); undefined where it may go on. */
  readonly blockMs: number | undefined;
  /** From the fault to the first answer the work VM got with the gate open again. */
  readonly recoverMs: number | undefined;
  readonly tookMs: number;
  /** How often the gateway had to be told more than once. */
  readonly askedAgain: number;
  /** The gate opened while what was there must not open it. */
  readonly opened?: boolean;
  /** Why it did not come back by itself. */
  readonly stuck?: string;
}

export interface Quantiles {
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

export interface Summary {
  readonly fault: string;
  readonly cycles: number;
  readonly tried: { readonly sum: number; readonly least: number };
  readonly leaked: number;
  readonly leakingCycles: number;
  readonly heldBytes: number;
  readonly stuck: number;
  readonly askedAgain: number;
  readonly block: Quantiles | undefined;
  readonly recover: Quantiles | undefined;
  readonly meanMs: number;
}

export interface Run {
  readonly total: Summary;
  readonly byFault: readonly Summary[];
  /** Of the whole run, with everything in it that is not a cycle taken off. */
  readonly secondsPerCycle: number;
}

export interface CyclesReport {
  readonly seed: number;
  readonly lanes: number;
  /** Frames each cycle must at least have tried. */
  readonly atLeast: number;
  readonly guarded: Run;
  /** The same without guard and firewall; undefined when it did not come to that. */
  readonly bare: Run | undefined;
  readonly interrupted: boolean;
  readonly seconds: number;
}

/** Share of the anti-run's cycles that must leak. */
export const BLIND_BELOW = 0.95;

/** Nearest rank: a value that was measured. Undefined of nothing. */
export function quantilesOf(values: readonly number[]): Quantiles | undefined {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  const rank = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return { p50: rank(0.5), p95: rank(0.95), max: rank(1) };
}

export interface Seen {
  readonly phases: readonly { readonly phase: string; readonly at: number }[];
  /** When frames of the work VM left through the tunnel, in order. */
  readonly departures: readonly number[];
}

/**
 * From the strike to the last frame of the work VM that left before the gate opened again; before it was healed, where
 * the gate never closed. 0 when none left any more.
 */
export function timeToBlock({ phases, departures }: Seen, struck: number, healing: number): number {
  const closed = phases.findIndex(({ phase }) => phase !== 'open');
  const reopened = closed < 0 ? undefined : phases.slice(closed).find(({ phase }) => phase === 'open')?.at;
  const end = closed < 0 ? healing : (reopened ?? Number.POSITIVE_INFINITY);
  const last = departures.filter((at) => at <= end).at(-1) ?? struck;
  return Math.max(0, last - struck);
}

/** The two witnesses see the same frames: the one that saw more is believed. */
export function leakedIn({ leaked }: Pick<Cycle, 'leaked'>): number {
  return Math.max(leaked.lab, leaked.uplink);
}

export function runOf(cycles: readonly Cycle[], seconds: number): Run {
  const faults = [...new Set(cycles.map(({ fault }) => fault))].sort();
  return {
    total: summaryOf('all', cycles),
    byFault: faults.map((fault) =>
      summaryOf(
        fault,
        cycles.filter((cycle) => cycle.fault === fault),
      ),
    ),
    secondsPerCycle: cycles.length === 0 ? 0 : seconds / cycles.length,
  };
}

function summaryOf(fault: string, cycles: readonly Cycle[]): Summary {
  const sum = (of: (cycle: Cycle) => number) => cycles.reduce((total, cycle) => total + of(cycle), 0);
  const known = (of: (cycle: Cycle) => number | undefined) => cycles.map(of).filter((value) => value !== undefined);
  return {
    fault,
    cycles: cycles.length,
    tried: {
      sum: sum(({ tried }) => tried),
      least: cycles.reduce((least, { tried }) => Math.min(least, tried), Number.MAX_SAFE_INTEGER),
    },
    leaked: sum(leakedIn),
    leakingCycles: cycles.filter((cycle) => leakedIn(cycle) > 0).length,
    heldBytes: sum(({ heldBytes }) => heldBytes),
    stuck: cycles.filter(({ stuck }) => stuck !== undefined).length,
    askedAgain: sum(({ askedAgain }) => askedAgain),
    block: quantilesOf(known(({ blockMs }) => blockMs)),
    recover: quantilesOf(known(({ recoverMs }) => recoverMs)),
    meanMs: cycles.length === 0 ? 0 : sum(({ tookMs }) => tookMs) / cycles.length,
  };
}

/** What the run proves false, the worst first; undefined when it proves what it set out to. */
export function verdictOf({ guarded, bare }: CyclesReport): VmgateError | undefined {
  const { leaked, leakingCycles, cycles } = guarded.total;
  const evidence = guarded.byFault
    .filter((each) => each.leaked > 0)
    .map((each) => `${each.fault}: ${each.leaked} frames`);
  if (leaked > 0) {
    return VmgateError.of(errors.DRILL_LEAKED, { frames: leaked, cycles: leakingCycles, of: cycles }, { evidence });
  }
  if (bare !== undefined && bare.total.leakingCycles < bare.total.cycles * BLIND_BELOW) {
    const quiet = bare.byFault.filter((each) => each.leakingCycles < each.cycles).map(({ fault }) => fault);
    const payload = { leaking: bare.total.leakingCycles, of: bare.total.cycles };
    return VmgateError.of(errors.DRILL_BLIND, payload, { evidence: quiet.map((fault) => `did not leak: ${fault}`) });
  }
  return undefined;
}

/** What the command ends with: {@link verdictOf}, or that a gate did not come back. */
export function faultOfCycles(report: CyclesReport): VmgateError | undefined {
  const { stuck, cycles } = report.guarded.total;
  const verdict = verdictOf(report);
  if (verdict !== undefined || stuck === 0 || report.interrupted) return verdict;
  return VmgateError.of(errors.DRILL_DID_NOT_RECOVER, { cycles: stuck, of: cycles });
}
