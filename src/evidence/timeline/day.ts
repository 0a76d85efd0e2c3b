/** A day at a gate, put together from what was recorded of it. Pure. */
import type { CodedEvent } from '../../core/coded.ts';
import { type Band, bandsOf } from './bands.ts';
import { type Amounts, type Bin, binsOf, momentsOfViolations, sumOf } from './bins.ts';
import type { Sample } from './samples.ts';

export interface DayRange {
  /** Midnight and the next one, milliseconds since the epoch. */
  readonly fromMs: number;
  readonly toMs: number;
}

export interface DayRecords {
  readonly gate: string;
  /** All there are: what began yesterday lasts into today. */
  readonly events: readonly CodedEvent[];
  readonly samples: readonly Sample[];
  /** Lines of either file that could not be read. */
  readonly unreadable: number;
}

export interface DayTotals extends Amounts {
  readonly openMs: number;
  readonly closedMs: number;
  readonly violatedMs: number;
  /** How often an open gate closed by itself. */
  readonly losses: number;
}

export interface Day extends DayRange {
  readonly gate: string;
  /** Of a day that is not over: now. */
  readonly endMs: number;
  readonly bands: readonly Band[];
  /** Five minutes each, on a day of 24 hours. */
  readonly bins: readonly Bin[];
  readonly events: readonly CodedEvent[];
  readonly totals: DayTotals;
  readonly unreadable: number;
}

export const BINS = 288;

export function dayOf({ gate, events, samples, unreadable }: DayRecords, range: DayRange, nowMs: number): Day {
  const { fromMs, toMs } = range;
  const endMs = Math.max(fromMs, Math.min(toMs, nowMs));
  const bands = bandsOf(events, samples, { fromMs, toMs: endMs });
  const bins = binsOf(samples, momentsOfViolations(events), range, BINS);
  const today = events
    .filter(({ at }) => Date.parse(at) >= fromMs && Date.parse(at) < toMs)
    .toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at));
  return { gate, fromMs, toMs, endMs, bands, bins, events: today, totals: totalsOf(bands, bins), unreadable };
}

function totalsOf(bands: readonly Band[], bins: readonly Bin[]): DayTotals {
  const lasted = (state: Band['state']) =>
    bands.filter((band) => band.state === state).reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0);
  return {
    openMs: lasted('open'),
    closedMs: lasted('closed'),
    violatedMs: lasted('violated'),
    losses: bands.filter((band, index) => band.state === 'closed' && isLoss(bands, index)).length,
    ...sumOf(bins),
  };
}

/** `down` closes too, and says no reason. */
function isLoss(bands: readonly Band[], index: number): boolean {
  return bands[index - 1]?.state === 'open' && bands[index]?.detail !== '';
}
