/** What left and what did not, in plain words. */
import { countText } from '../core/amounts.ts';
import type { Kept } from '../evidence/index.ts';
import { escapeLine } from '../host/index.ts';
import type { StatusReport } from '../supervisor/protocol.ts';
import type { ReceiptOnEvidence } from './receipt-on-evidence.ts';
import { textTable } from './text-table.ts';

/** `vmgate evidence --json`. Times are ISO 8601. */
export interface EvidenceReport {
  readonly gate: string;
  /** What the frames are: held back, or let out to a portal. */
  readonly of: Kept;
  readonly uplink: StatusReport['uplink'];
  /** Frames in the evidence files. */
  readonly kept: number;
  readonly flows: readonly {
    readonly what: string;
    readonly frames: number;
    readonly bytes: number;
    readonly first: string;
    readonly last: string;
  }[];
  readonly frames: readonly {
    readonly at: string;
    readonly bytes: number;
    readonly what: string;
    /** The rule it broke; empty where the journal does not say. */
    readonly why: string;
  }[];
  readonly violations: readonly {
    readonly at: string;
    readonly why: string;
    readonly what: string;
    readonly canary: boolean;
    readonly recorded: boolean;
  }[];
  readonly files: readonly string[];
  /** Of the pcap that an export writes. */
  readonly digest: string;
  readonly receipt: ReceiptOnEvidence | null;
  readonly exported: string | null;
}

const MAX_FLOWS = 12;

export function describeEvidence(report: EvidenceReport): string {
  const { kept, frames, exported } = report;
  const more = kept > frames.length ? [`  ... and ${countText(kept - frames.length, 'more', 'more')}`] : [];
  return [
    headline(report),
    ...flows(report),
    ...frames.map(({ at, what, why }) => {
      const rule = why === '' ? '' : `: ${escapeLine(why, 120)}`;
      return `  ${at.slice(5, 23).replace('T', ' ')}  ${escapeLine(what)}${rule}`;
    }),
    ...more,
    ...unrecorded(report),
    ...left(report),
    ...receiptLine(report),
    ...(exported === null ? [] : [`  written  ${escapeLine(exported)}`, `           ${report.digest}`]),
    ...(kept === 0 || exported !== null ? [] : [`  next     ${NEXT[report.of]}`]),
  ].join('\n');
}

const NEXT: Readonly<Record<Kept, string>> = {
  held: 'vmgate evidence --export leak.pcap',
  portal: 'vmgate evidence --portal --export signed-in.pcap',
};

function headline({ gate, of, kept }: EvidenceReport): string {
  const frames = countText(kept, 'frame');
  if (of === 'portal') {
    return kept === 0
      ? `gate ${gate}: nobody was let through to a portal; no frame is kept`
      : `gate ${gate}: ${frames} to a portal, let out in clear, UTC`;
  }
  return kept === 0
    ? `gate ${gate}: nothing tried to leave but what the policy allows; no frame is kept`
    : `gate ${gate}: ${frames} that tried to leave and did not, UTC`;
}

/** Where the list below does not show them all. */
function flows({ flows: all, kept, frames }: EvidenceReport): readonly string[] {
  if (all.length === 0 || kept <= frames.length) return [];
  const rows = all.slice(0, MAX_FLOWS).map(({ what, frames: count, first, last }) => {
    const [from, to] = [first, last].map((at) => at.slice(5, 19).replace('T', ' '));
    return [countText(count, 'frame'), escapeLine(what), `${from} to ${to}`];
  });
  const left = all.length > MAX_FLOWS ? [`  ... and ${countText(all.length - MAX_FLOWS, 'other kind')}`] : [];
  return [...textTable(rows).replaceAll(/^/gm, '  ').split('\n'), ...left, '  the first ones:'];
}

function unrecorded({ violations }: EvidenceReport): readonly string[] {
  const lost = violations.filter(({ recorded }) => !recorded);
  if (lost.length === 0) return [];
  return [
    `  ${countText(lost.length, 'frame')} more that the disk did not take, as the journal has ${lost.length === 1 ? 'it' : 'them'}:`,
    ...lost.slice(0, MAX_FLOWS).map(({ at, what, why }) => {
      return `  ${escapeLine(at.slice(5, 23), 18).replace('T', ' ')}  ${escapeLine(what)}: ${escapeLine(why, 120)}`;
    }),
  ];
}

function left({ uplink }: EvidenceReport): readonly string[] {
  if (uplink === null) return ['  left     nothing now: no gateway runs'];
  const counted = Object.entries(uplink.passed).flatMap(([kind, { frames }]) =>
    frames === 0 ? [] : [`${escapeLine(kind)} ${frames}`],
  );
  const unwritten = uplink.unrecorded > 0 ? `, of them in no file: ${uplink.unrecorded}` : '';
  return [
    `  left     since its gateway booted: ${counted.join(', ') || 'nothing'}; stopped: ${uplink.foreign}${unwritten}`,
  ];
}

function receiptLine({ receipt, kept }: EvidenceReport): readonly string[] {
  if (receipt === null) return [];
  const { digest, issued, frames } = receipt;
  return [
    `  receipt  ${digest.slice(0, 19)} of ${issued.slice(0, 19).replace('T', ' ')} UTC ${coverage(frames, kept)}`,
  ];
}

function coverage(frames: number | null, kept: number): string {
  if (frames === null) return 'is of other evidence than this: it was written over or changed since';
  if (frames === kept) return kept === 0 ? 'says the same' : 'was signed after all of these';
  return frames === 0
    ? 'was signed before all of these'
    : `was signed after the first ${frames} of these, before the others`;
}
