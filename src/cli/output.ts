/**
 * What a command says: results on stdout, progress on stderr. Under --json stdout carries objects only; human text is
 * plain words, colour decorates, and everything that came from outside is escaped before a terminal sees it (P11).
 */
import { styleText } from 'node:util';
import type { CodedEvent, VmgateError } from '../core/coded.ts';
import { escapeBlock, escapeJson, escapeLine } from '../host/index.ts';
import type { Outside } from './outside.ts';

type Style = Parameters<typeof styleText>[0];

type Streams = Pick<Outside, 'stdout' | 'stderr'>;

export interface OutputOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly colour: boolean;
}

export class Output {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly #streams: Streams;
  readonly #colour: boolean;

  constructor(streams: Streams, { json, quiet, colour }: OutputOptions) {
    this.#streams = streams;
    this.json = json;
    this.quiet = quiet;
    this.#colour = colour;
  }

  /** True where progress may be redrawn in place. */
  get redraws(): boolean {
    // A terminal that does not know its width (some recorders) cannot be drawn on.
    const { isTTY, columns = 80 } = this.#streams.stderr;
    return isTTY === true && columns > 0 && !this.json && !this.quiet;
  }

  /** The command's result: the object under --json, else the text. */
  result(object: unknown, text: string): void {
    if (this.json) this.#object(object);
    else if (text !== '') this.print(`${text}\n`);
  }

  /** Text for stdout as it is, e.g. an ssh-config block. Not for --json. */
  print(text: string): void {
    this.#streams.stdout.write(printable(text));
  }

  /** One event of an action: a JSON line, or a line of progress. */
  event(event: CodedEvent): void {
    if (this.json) this.#object(event);
    else this.progress(escapeLine(event.text));
  }

  progress(line: string): void {
    if (!this.quiet && !this.json) this.#streams.stderr.write(`${printable(line)}\n`);
  }

  /** A line that the next one takes the place of; empty: gone. Only where it can be redrawn. */
  transient(line: string): void {
    if (this.redraws) this.#streams.stderr.write(`\r\x1b[K${escapeLine(line)}`);
  }

  /** Three parts, always: what failed, what was seen, what to type. */
  failure(fault: VmgateError): void {
    if (this.json) {
      this.#object({ error: fault.serialize() });
      return;
    }
    const lines = [
      `${this.style('red', 'error')} ${fault.code}: ${escapeLine(fault.what)}`,
      ...fault.evidence.filter((line) => line !== fault.what).map((line) => `  saw: ${escapeLine(line)}`),
      ...(fault.remedy === '' ? [] : [`  next: ${escapeLine(fault.remedy)}`]),
    ];
    this.#streams.stderr.write(`${lines.join('\n')}\n`);
  }

  #object(value: unknown): void {
    this.#streams.stdout.write(`${escapeJson(JSON.stringify(value))}\n`);
  }

  style(style: Style, text: string): string {
    return this.#colour ? styleText(style, text, { validateStream: false }) : text;
  }
}

/** Whoever made the text escapes what is not his own; this is for what somebody forgot. */
function printable(text: string): string {
  return escapeBlock(text, Number.POSITIVE_INFINITY);
}
