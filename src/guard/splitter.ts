/**
 * QEMU's framing, cut without copying: one pass over a big buffer; allowed neighbours leave as one run, length fields
 * and all.
 */
import { MAX_FRAME } from '../frame/index.ts';

const PREFIX = 4;

/** Bytes a buffer must hold so that every acceptable frame fits. */
export const MAX_FRAMED = PREFIX + MAX_FRAME;

/**
 * Walks the complete frames in `buffer[0..length)`. `judge` says of each whether it may leave; `emit` gets every run of
 * allowed ones as it ends.
 *
 * @returns the offset of the first byte that belongs to no complete frame yet; -1 for a length beyond {@link MAX_FRAME}
 */
export function splitFrames(
  buffer: Buffer,
  length: number,
  judge: (start: number, end: number) => boolean,
  emit: (from: number, to: number) => void,
): number {
  let at = 0;
  let run = 0;
  while (at + PREFIX <= length) {
    const size = buffer.readUInt32BE(at);
    if (size > MAX_FRAME) {
      if (run < at) emit(run, at);
      return -1;
    }
    const end = at + PREFIX + size;
    if (end > length) break;
    if (!judge(at + PREFIX, end)) {
      if (run < at) emit(run, at);
      run = end;
    }
    at = end;
  }
  if (run < at) emit(run, at);
  return at;
}
