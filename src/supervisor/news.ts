/**
 * What the journal says already: a check that comes out as it did the last time, a receipt about the same evidence. They
 * are told to whoever watches, and not written down again, so that a journal of bounded size holds days and not hours.
 */
import type { CodedEvent } from '../core/coded.ts';
import { events } from './codes.ts';

const RECEIPT = 'receipt';

export class News {
  readonly #said = new Map<string, string>();

  isNews({ code, payload }: CodedEvent): boolean {
    // A close revokes the receipt: the next one is another.
    if (code === events.GATE_PHASE.code) this.#said.delete(RECEIPT);
    const [about, now] = subject(code, payload as Readonly<Record<string, unknown>>);
    if (about === undefined) return true;
    const isNews = this.#said.get(about) !== now;
    this.#said.set(about, now);
    return isNews;
  }
}

function subject(code: string, payload: Readonly<Record<string, unknown>>): readonly [string | undefined, string] {
  if (code === events.GATE_CHECK.code) return [`check ${String(payload['check'])}`, String(payload['outcome'])];
  if (code === events.GATE_RECEIPT.code) return [RECEIPT, String(payload['evidence'])];
  return [undefined, ''];
}
