/** A gate's history: coded events, one JSON object a line, appended by its supervisor and read by anybody of ours. */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { type CodedEvent, occur } from '../core/coded.ts';
import { messageOf, parseJson } from '../host/index.ts';
import { events } from './codes.ts';
import { RotatingFile, rotatedLines } from './rotating-file.ts';

const MAX_JOURNAL_BYTES = 4 * 1_048_576;
const MAX_LINE_BYTES = 65_536;

/**
 * The rule for a disk that takes nothing: the event is dropped and counted, the gate goes on, and the first event that is
 * written again comes after a line that says how many are missing. What must not be lost is not a journal's to keep: a
 * receipt that cannot be written closes the gate.
 */
export class Journal {
  readonly #file: RotatingFile;
  #dropped = 0;
  /** Of them, those that no line of the journal tells of yet. */
  #untold = 0;
  #why = '';

  /** A line cut off by a power cut is closed first, so that the next event does not become part of it. */
  constructor(file: string, maxBytes: number = MAX_JOURNAL_BYTES) {
    this.#file = new RotatingFile(file, maxBytes);
    if (this.#file.size > 0 && lastByte(file) !== '\n') this.#take('\n');
  }

  /** Events that could not be written since this journal was opened. */
  get dropped(): number {
    return this.#dropped;
  }

  /** An event too long for one line keeps its code and text and loses its payload. Never throws. */
  append(event: CodedEvent): void {
    const lost = this.#untold;
    const gap = lost === 0 ? '' : lineOf(occur(events.HOME_JOURNAL_GAP, { lost, why: this.#why }));
    // In one write: a disk with room for a short line alone would be filled up by them.
    const isTaken = this.#take(`${gap}${lineOf(event)}`);
    this.#untold = isTaken ? 0 : lost + 1;
    if (!isTaken) this.#dropped += 1;
  }

  close(): void {
    this.#file.close();
  }

  #take(line: string): boolean {
    try {
      this.#file.append(line);
      return true;
    } catch (cause) {
      this.#why = messageOf(cause);
      return false;
    }
  }
}

function lineOf(event: CodedEvent): string {
  const line = `${JSON.stringify(event)}\n`;
  if (Buffer.byteLength(line) <= MAX_LINE_BYTES) return line;
  return `${JSON.stringify({ ...event, text: event.text.slice(0, 1_000), payload: null })}\n`;
}

/** The last `most` events, oldest first. Lines that are no events (cut off, garbled) are passed over. */
export function readJournal(file: string, most = Number.POSITIVE_INFINITY): readonly CodedEvent[] {
  const { events } = readWholeJournal(file);
  return events.slice(Math.max(0, events.length - most));
}

/** All there is, and how many lines were passed over. */
export function readWholeJournal(file: string): {
  readonly events: readonly CodedEvent[];
  readonly unreadable: number;
} {
  const lines = rotatedLines(file);
  const events = lines.map(parseJson).filter(isEvent);
  return { events, unreadable: lines.length - events.length };
}

/** By hand: reading a journal must not load the schema library. */
function isEvent(value: unknown): value is CodedEvent {
  if (typeof value !== 'object' || value === null) return false;
  const { code, at, level, text } = value as Partial<Record<keyof CodedEvent, unknown>>;
  const levels: readonly unknown[] = ['info', 'warn', 'error'];
  return [code, at, text].every((field) => typeof field === 'string') && levels.includes(level) && 'payload' in value;
}

function lastByte(file: string): string {
  const fd = openSync(file, 'r');
  try {
    const byte = Buffer.alloc(1);
    readSync(fd, byte, 0, 1, statSync(file).size - 1);
    return byte.toString('latin1');
  } finally {
    closeSync(fd);
  }
}
