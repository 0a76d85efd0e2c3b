/** A gate's history: coded events, one JSON object a line, appended by its supervisor and read by anybody of ours. */
import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import type { CodedEvent } from '../core/coded.ts';
import { RotatingFile } from './rotating-file.ts';

const MAX_JOURNAL_BYTES = 4 * 1_048_576;
const MAX_LINE_BYTES = 65_536;

export class Journal {
  readonly #file: RotatingFile;

  /** A line cut off by a power cut is closed first, so that the next event does not become part of it. */
  constructor(file: string, maxBytes: number = MAX_JOURNAL_BYTES) {
    this.#file = new RotatingFile(file, maxBytes);
    if (this.#file.size > 0 && lastByte(file) !== '\n') this.#file.append('\n');
  }

  /** An event too long for one line keeps its code and text and loses its payload. */
  append(event: CodedEvent): void {
    const line = `${JSON.stringify(event)}\n`;
    if (Buffer.byteLength(line) <= MAX_LINE_BYTES) this.#file.append(line);
    else this.#file.append(`${JSON.stringify({ ...event, text: event.text.slice(0, 1_000), payload: null })}\n`);
  }

  close(): void {
    this.#file.close();
  }
}

/** The last `most` events, oldest first. Lines that are no events (cut off, garbled) are passed over. */
export function readJournal(file: string, most = Number.POSITIVE_INFINITY): readonly CodedEvent[] {
  const events = [`${file}.1`, file].flatMap((part) => readText(part).split('\n').flatMap(parseLine));
  return events.slice(Math.max(0, events.length - most));
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function parseLine(line: string): readonly CodedEvent[] {
  if (line === '') return [];
  try {
    const value: unknown = JSON.parse(line);
    return isEvent(value) ? [value] : [];
  } catch {
    return [];
  }
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
