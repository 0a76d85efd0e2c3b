/** So many bytes of a stream, and no more. */
import type { Duplex } from 'node:stream';

/** Of a viewer or a server that does not keep to the protocol. */
export class Mismatch extends Error {}

/**
 * Exactly so many; what comes behind them stays in the stream, which is paused. (Waiting for `readable` instead would spin
 * for as long as fewer are there.)
 *
 * @throws Mismatch when it ends before
 */
export function take(stream: Duplex, bytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let length = 0;
    const settle = (finish: () => void) => {
      stream.off('data', onData).off('end', onEnd).off('close', onEnd).off('error', onEnd);
      stream.pause();
      finish();
    };
    const onEnd = () => settle(() => reject(new Mismatch('it ended in the middle of a greeting')));
    const onData = (part: Buffer) => {
      parts.push(part);
      length += part.length;
      if (length < bytes) return;
      settle(() => {
        const all = Buffer.concat(parts);
        if (length > bytes) stream.unshift(all.subarray(bytes));
        resolve(all.subarray(0, bytes));
      });
    };
    if (bytes === 0) return resolve(Buffer.alloc(0));
    if (stream.readableEnded || stream.destroyed) return onEnd();
    stream.on('data', onData).on('end', onEnd).on('close', onEnd).on('error', onEnd).resume();
  });
}
