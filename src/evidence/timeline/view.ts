/** The hours of a day in which there is something to see: an afternoon at a gate is not drawn an inch wide. */
import type { Bin } from './bins.ts';
import type { Zone } from './clock.ts';
import type { Day } from './day.ts';

export interface View {
  /** Whole hours of the clock on the wall. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly bins: readonly Bin[];
  readonly isWholeDay: boolean;
}

const HOUR_MS = 3_600_000;
/** Less than this is not worth a look closer. */
const LEAST_MS = 3 * HOUR_MS;

export function viewOf(day: Day, zone: Zone): View {
  const busy = day.bands.filter(({ state }) => state !== 'silent' && state !== 'down');
  const first = busy[0];
  const last = busy.at(-1);
  if (first === undefined || last === undefined) return view(day, day.fromMs, day.toMs);
  const fromMs = Math.max(day.fromMs, hourBefore(first.fromMs, zone));
  const toMs = Math.min(day.toMs, hourBefore(last.toMs - 1, zone) + HOUR_MS);
  const missing = Math.max(0, LEAST_MS - (toMs - fromMs));
  const end = Math.min(day.toMs, toMs + missing);
  return view(day, Math.max(day.fromMs, Math.min(fromMs, end - LEAST_MS)), end);
}

function view(day: Day, fromMs: number, toMs: number): View {
  const isWholeDay = fromMs === day.fromMs && toMs === day.toMs;
  // Half a millisecond: an hour of a day that is 23 hours long is no round number of bins.
  const bins = day.bins.filter((bin) => bin.toMs > fromMs + 0.5 && bin.fromMs < toMs - 0.5);
  return { fromMs: bins[0]?.fromMs ?? fromMs, toMs: bins.at(-1)?.toMs ?? toMs, bins, isWholeDay };
}

function hourBefore(atMs: number, zone: Zone): number {
  const offset = zone(atMs) * 60_000;
  return Math.floor((atMs + offset) / HOUR_MS) * HOUR_MS - offset;
}
