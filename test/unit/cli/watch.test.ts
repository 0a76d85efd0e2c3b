/** `status --watch` on a terminal that wraps and scrolls: what stands there is the report, once. */
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Context } from '../../../src/cli/command.ts';
import type { Gate } from '../../../src/cli/gate-access.ts';
import { Output } from '../../../src/cli/output.ts';
import { statusLine } from '../../../src/cli/status-text.ts';
import { watchStatus } from '../../../src/cli/watch-status.ts';
import type { StatusReport } from '../../../src/supervisor/protocol.ts';
import { Laptop, report } from './command-line.ts';

/** What moves the cursor or clears, the ends of lines, and what is written. */
const ESC = '\u001b';
const PIECES = new RegExp(`${ESC}\\[\\d*[AKJ]|\\n|[^${ESC}\\n]+`, 'g');

/** A screen as a terminal keeps it: rows of text, a cursor; `\x1b[nA`, `\x1b[K`, `\x1b[J`. */
class Terminal extends PassThrough {
  readonly isTTY = true;
  columns: number;
  rows = 24;
  drawn = 0;
  #rows: string[] = [''];
  #row = 0;

  constructor(columns: number) {
    super();
    this.columns = columns;
    this.on('data', (chunk: Buffer) => this.#take(chunk.toString()));
  }

  get screen(): readonly string[] {
    return this.#rows
      .map((row) => row.trimEnd())
      .join('\n')
      .trimEnd()
      .split('\n');
  }

  /** As terminals do: what stood there wraps. */
  narrow(columns: number): void {
    this.columns = columns;
    this.#rows = this.#rows.flatMap((row) => row.match(new RegExp(`.{1,${columns}}`, 'g')) ?? ['']);
    this.#row = this.#rows.length - 1;
  }

  #take(text: string): void {
    this.drawn += 1;
    for (const [piece] of text.matchAll(PIECES)) {
      if (piece === '\n') this.#down();
      else if (piece.endsWith('A') && piece.startsWith(ESC)) this.#row -= Number(piece.slice(2, -1));
      else if (piece === '\x1b[K') this.#rows[this.#row] = '';
      else if (piece === '\x1b[J') this.#rows = [...this.#rows.slice(0, this.#row), ''];
      else this.#write(piece);
      expect(this.#row).toBeGreaterThanOrEqual(0);
    }
  }

  #write(text: string): void {
    for (let rest = text; rest !== ''; rest = rest.slice(this.columns)) {
      if (rest !== text) this.#down();
      this.#rows[this.#row] = rest.slice(0, this.columns);
    }
  }

  #down(): void {
    this.#row += 1;
    this.#rows[this.#row] ??= '';
  }
}

let laptop: Laptop;
beforeEach(() => {
  laptop = new Laptop();
});
afterEach(() => laptop.clear());

/** Watches reports that come one after the other, until there are no more. */
async function watch(stdout: Terminal | PassThrough, reports: readonly StatusReport[], json = false, describe = plain) {
  const stop = new AbortController();
  const gate: Gate = { name: 'default', layout: laptop.layout.gate('default'), loaded: undefined };
  const out = new Output({ stdout, stderr: stdout } as never, { json, quiet: false, colour: false });
  const context = { out, outside: { stdout }, interrupted: stop.signal } as unknown as Context;
  let next = 0;
  const now = () => {
    const now = reports[next] ?? report();
    next += 1;
    if (next >= reports.length) setTimeout(() => stop.abort(), 20);
    return Promise.resolve({ gate, report: now });
  };
  await expect(watchStatus(context, now, describe)).resolves.toBe(0);
}

const plain = ({ why, phase, work }: StatusReport) =>
  [`gate is ${phase}`, `  why      ${why}`, ...work.map(({ name }) => `  work VM  ${name}`)].join('\n');

describe('on a terminal', () => {
  test('a report that shrinks and grows stands there once', async () => {
    const terminal = new Terminal(80);
    await watch(terminal, [report({ why: 'x' }), report({ work: [] }), report({ why: 'the end' })]);
    expect(terminal.screen).toEqual(['gate is open', '  why      the end', '  work VM  web', '  work VM  bank']);
  }, 20_000);

  test('a line wider than the window is cut, not wrapped over the next drawing', async () => {
    const terminal = new Terminal(40);
    await watch(terminal, [report({ why: 'a'.repeat(300) }), report({ why: 'b'.repeat(300), work: [] })]);
    expect(terminal.screen).toEqual(['gate is open', `  why      ${'b'.repeat(25)}...`]);
  }, 20_000);

  test('a window that became narrower meanwhile', async () => {
    const terminal = new Terminal(60);
    const reports = [report({ why: 'c'.repeat(40) }), report({ why: 'd', work: [] })];
    const narrower = (now: StatusReport) => {
      const text = plain(now);
      if (now === reports[1]) terminal.narrow(30);
      return text;
    };
    await watch(terminal, reports, false, narrower);
    expect(terminal.screen).toEqual(['gate is open', '  why      d']);
  }, 20_000);

  test('more lines than the window has', async () => {
    const terminal = new Terminal(80);
    terminal.rows = 3;
    await watch(terminal, [report(), report({ why: 'x' })]);
    expect(terminal.screen).toEqual(['gate is open', '  why      x']);
  }, 20_000);

  test('the same again is not drawn again', async () => {
    const terminal = new Terminal(80);
    await watch(terminal, [report(), report()]);
    expect(terminal.drawn).toBe(1);
  }, 20_000);
});

describe('off a terminal', () => {
  const lines = (stream: PassThrough) =>
    String(stream.read() ?? '')
      .trimEnd()
      .split('\n');

  test('--json: a line per change, and counters are none', async () => {
    const pipe = new PassThrough();
    const more = { ...report(), traffic: null };
    await watch(pipe, [report(), more, report({ phase: 'closed' })], true);
    expect(lines(pipe).map((line) => (JSON.parse(line) as StatusReport).phase)).toEqual(['open', 'closed']);
  }, 20_000);

  test('--line: for bars, a line per change of that line', async () => {
    const pipe = new PassThrough();
    const reports = [report(), report({ work: [] }), report({ phase: 'connecting' }), report()];
    await watch(pipe, reports, false, statusLine);
    expect(lines(pipe)).toEqual(['default OPEN 203.0.113.9', 'default CLOSED connecting', 'default OPEN 203.0.113.9']);
  }, 20_000);
});

test.each([
  [report(), 'default OPEN 203.0.113.9'],
  [report({ claim: { kind: 'round-trip' } }), 'default OPEN'],
  [report({ phase: 'closed' }), 'default CLOSED'],
  [report({ phase: 'verifying' }), 'default CLOSED verifying'],
  [report({ phase: 'violated' }), 'default VIOLATED'],
  [report({ phase: 'down' }), 'default down'],
  [report({ phase: 'x\u001b[2J' }), 'default CLOSED x\\x1b[2J'],
])('one line: %#', (now, line) => {
  expect(statusLine(now)).toBe(line);
});
