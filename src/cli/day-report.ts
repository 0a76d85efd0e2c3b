/** `vmgate evidence --timeline`: a day of this gate, on the terminal, as an object, as a page. */
import path from 'node:path';
import { countText } from '../core/amounts.ts';
import { VmgateError } from '../core/coded.ts';
import {
  type Day,
  type DayRange,
  dayOf,
  describeDay,
  digestOf,
  exportFile,
  framesOf,
  readRing,
  readSamples,
  renderPage,
  type Zone,
} from '../evidence/index.ts';
import { readWholeJournal } from '../home/index.ts';
import { wallMs } from '../host/index.ts';
import { errors } from './codes.ts';
import { type Context, type Input, text } from './command.ts';
import type { Gate } from './gate-access.ts';
import { version } from './version.ts';

/** Where nobody says how wide it is. */
const COLUMNS = 100;

/** `vmgate evidence --timeline --json`. Times are ISO 8601, UTC. */
export interface DayReport {
  readonly gate: string;
  readonly from: string;
  readonly to: string;
  readonly states: readonly {
    readonly from: string;
    readonly to: string;
    readonly state: string;
    readonly detail: string;
    readonly attempts: number;
  }[];
  /** Five minutes each; those in which nothing happened are left out. */
  readonly traffic: readonly {
    readonly from: string;
    readonly to: string;
    readonly outBytes: number;
    readonly inBytes: number;
    readonly blocked: number;
    readonly held: number;
  }[];
  readonly totals: Day['totals'];
  /** Lines of the records that could not be read. */
  readonly unreadable: number;
  readonly written: string | null;
}

export async function showDay(context: Context, gate: Gate, input: Input): Promise<number> {
  const day = readDay(gate, rangeOf(text(input, 'day'), wallMs()), wallMs());
  const target = text(input, 'html');
  const written = target === undefined ? null : path.resolve(context.cwd, target);
  if (written !== null) exportFile([renderPage(day, { zone: localZone, notes: notesOn(gate) })], written);
  const { columns = COLUMNS, isTTY } = context.outside.stdout;
  const shown = describeDay(day, localZone, isTTY === true ? columns : COLUMNS);
  context.out.result(reportOf(day, written), written === null ? shown : `${shown}\n\n  written  ${written}`);
  return 0;
}

function readDay({ name, layout }: Gate, range: DayRange, nowMs: number): Day {
  const journal = readWholeJournal(layout.journal);
  const { samples, unreadable } = readSamples(layout.samples);
  const records = { gate: name, events: journal.events, samples, unreadable: journal.unreadable + unreadable };
  return dayOf(records, range, nowMs);
}

/** Midnight to midnight of this machine's clock: 23 or 25 hours where it is changed. @throws CLI_USAGE */
function rangeOf(written: string | undefined, nowMs: number): DayRange {
  const [, year, month, day] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(written ?? localDate(nowMs)) ?? [];
  const begin = new Date(Number(year), Number(month) - 1, Number(day));
  // 31 February is 3 March to Date.
  if (Number.isNaN(begin.getTime()) || begin.getDate() !== Number(day) || begin.getMonth() + 1 !== Number(month)) {
    const message = `--day ${JSON.stringify((written ?? '').slice(0, 40))} is no day`;
    throw VmgateError.of(errors.CLI_USAGE, {
      message,
      hint: 'give it as year-month-day: --day 2026-11-26',
      command: '',
    });
  }
  return { fromMs: begin.getTime(), toMs: new Date(Number(year), Number(month) - 1, Number(day) + 1).getTime() };
}

function localDate(atMs: number): string {
  return new Date(atMs + localZone(atMs) * 60_000).toISOString().slice(0, 10);
}

const localZone: Zone = (atMs) => 0 - new Date(atMs).getTimezoneOffset();

function notesOn({ layout }: Gate): readonly string[] {
  const ring = readRing(layout.evidence);
  const kept = framesOf(ring).length;
  const made = `Made by vmgate ${version()} at ${new Date(wallMs()).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
  return [
    `${made}, from the journal and the samples of this gate. Nothing in this page is loaded from anywhere.`,
    'Sent is what the guard let out to the VPN server; received is what the gateway says. Where nothing is recorded, the machine slept or no supervisor ran.',
    `Evidence: ${kept === 0 ? 'no frame is kept' : `${countText(kept, 'frame')} kept`}, ${digestOf(ring)}.`,
  ];
}

function reportOf({ gate, fromMs, toMs, bands, bins, totals, unreadable }: Day, written: string | null): DayReport {
  const iso = (atMs: number) => new Date(atMs).toISOString();
  return {
    gate,
    from: iso(fromMs),
    to: iso(toMs),
    states: bands.map((band) => ({
      from: iso(band.fromMs),
      to: iso(band.toMs),
      state: band.state,
      detail: band.detail,
      attempts: band.attempts,
    })),
    traffic: bins
      .filter(({ outBytes, inBytes, blocked, held }) => outBytes + inBytes + blocked + held > 0)
      .map((bin) => ({ ...bin, from: iso(bin.fromMs), to: iso(bin.toMs) }))
      .map(({ from, to, outBytes, inBytes, blocked, held }) => ({ from, to, outBytes, inBytes, blocked, held })),
    totals,
    unreadable,
    written,
  };
}
