import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { digestText } from '../host/index.ts';

/** A file as a part of an image is known by, read a piece at a time. */
export async function digestFile(file: string): Promise<{ readonly digest: string; readonly bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(file)) {
    const piece = chunk as Buffer;
    hash.update(piece);
    bytes += piece.length;
  }
  return { digest: digestText(hash), bytes };
}
