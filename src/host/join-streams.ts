/** Two byte streams made one connection: what either end says reaches the other, and so does its end. */
import type { Duplex, Transform } from 'node:stream';

/** What a stream said before it was gone has this long to reach the other end. */
const LINGER_MS = 10_000;
/**
 * A program that has said all it has to say may still listen, or be gone: a socket tells the one like the other. It is
 * taken for gone after this long without an answer.
 */
const SILENCE_MS = 30_000;

/**
 * Half-closed stays half-closed while the other end talks. What a stream had said before it ended still arrives; one
 * that breaks takes the other with it.
 *
 * @param between makes what bytes pass through on their way, once for each direction
 * @returns settles when both are gone
 */
export function joinStreams(left: Duplex, right: Duplex, between?: () => Transform): Promise<void> {
  return new Promise((resolve) => {
    for (const [from, to] of [
      [left, right],
      [right, left],
    ] as const) {
      const end = () => {
        to.destroy();
        resolve();
      };
      from.on('error', end);
      from.once('end', () => endInSilence(from, to));
      from.once('close', () => {
        if (!from.readableEnded || to.writableFinished || to.destroyed) return end();
        const patience = setTimeout(end, LINGER_MS).unref();
        to.once('finish', () => {
          clearTimeout(patience);
          end();
        });
      });
      if (between === undefined) from.pipe(to);
      else from.pipe(between()).pipe(to);
    }
  });
}

/** `from` has ended; `to` may go on for as long as it has something to say. */
function endInSilence(from: Duplex, to: Duplex): void {
  const silence = setTimeout(() => {
    from.destroy();
    to.destroy();
  }, SILENCE_MS).unref();
  to.on('data', () => silence.refresh());
  for (const stream of [from, to]) stream.once('close', () => clearTimeout(silence));
}
