/** Last words to a program that is sent away. */
import type { Duplex } from 'node:stream';

/** Half-open streams stay until both ends have closed: one that does not gets this long. */
const PATIENCE_MS = 2_000;

/** What it still sends is read and thrown away: a reset would overtake the words. */
export function farewell(stream: Duplex, words: Buffer | string): void {
  const patience = setTimeout(() => stream.destroy(), PATIENCE_MS).unref();
  stream.once('close', () => clearTimeout(patience));
  stream.end(words);
  stream.resume();
}
