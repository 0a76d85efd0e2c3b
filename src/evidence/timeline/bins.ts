/** What went through, in equal parts of a day. */
import type { CodedEvent } from '../../core/coded.ts';
import type { Sample } from './samples.ts';

export interface Amounts {
  readonly outBytes: number;
  readonly inBytes: number;
  /** Frames that are not the VPN. */
  readonly blocked: number;
  /** Frames of the VPN that came while the gate was closed. */
  readonly held: number;
}

interface Range {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Bin extends Range, Amounts {}

export function sumOf(amounts: readonly Amounts[]): Amounts {
  const sum = (key: keyof Amounts) => amounts.reduce((all, each) => all + each[key], 0);
  return { outBytes: sum('outBytes'), inBytes: sum('inBytes'), blocked: sum('blocked'), held: sum('held') };
}

/** Moments of violations that were reported one by one, milliseconds since the epoch. */
export function momentsOfViolations(events: readonly CodedEvent[]): readonly number[] {
  return events
    .filter(({ code }) => code === 'GATE_FOREIGN_FRAME')
    .map(({ at }) => Date.parse(at))
    .filter((atMs) => !Number.isNaN(atMs));
}

/** `count` bins; a sample is shared out over those it lies in. */
export function binsOf(
  samples: readonly Sample[],
  violations: readonly number[],
  range: Range,
  count: number,
): readonly Bin[] {
  const width = (range.toMs - range.fromMs) / count;
  const bins = Array.from({ length: count }, (_, index) => ({
    fromMs: range.fromMs + index * width,
    toMs: range.fromMs + (index + 1) * width,
    outBytes: 0,
    inBytes: 0,
    blocked: 0,
    held: 0,
  }));
  const indexOf = (atMs: number) => Math.min(count - 1, Math.floor((atMs - range.fromMs) / width));
  const binAt = (atMs: number) => (atMs >= range.fromMs && atMs < range.toMs ? bins[indexOf(atMs)] : undefined);
  for (const atMs of violations) {
    const bin = binAt(atMs);
    if (bin !== undefined) bin.blocked += 1;
  }
  for (const sample of samples) {
    for (let at = Math.max(0, indexOf(sample.fromMs)); at <= indexOf(sample.toMs); at += 1) {
      const bin = bins[at];
      if (bin === undefined) continue;
      const share = shareOf(sample, bin);
      bin.outBytes += sample.outBytes * share;
      bin.inBytes += sample.inBytes * share;
      bin.held += sample.held * share;
    }
    if (sample.blocked === 0) continue;
    // Only the first of a violation are reported one by one: the sample has them all.
    const reported = violations.filter((atMs) => atMs > sample.fromMs && atMs <= sample.toMs);
    const bin = binAt(reported[0] ?? sample.toMs);
    if (bin !== undefined) bin.blocked += Math.max(0, sample.blocked - reported.length);
  }
  return bins.map((bin) => ({
    ...bin,
    outBytes: Math.round(bin.outBytes),
    inBytes: Math.round(bin.inBytes),
    held: Math.round(bin.held),
  }));
}

/** Which part of the sample's time lies in the bin. */
function shareOf({ fromMs, toMs }: Range, bin: Range): number {
  if (fromMs === toMs) return fromMs >= bin.fromMs && fromMs < bin.toMs ? 1 : 0;
  return Math.max(0, Math.min(toMs, bin.toMs) - Math.max(fromMs, bin.fromMs)) / (toMs - fromMs);
}
