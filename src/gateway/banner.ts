/**
 * Finds the beginning of an SSH conversation. A virtio-serial port has no notion of a connection: what an earlier client
 * left unread comes first.
 */
import { Duplex } from 'node:stream';

const BANNER = Buffer.from('SSH-2.0-');
/** More than a virtio queue and QEMU's buffer hold: beyond it this is no SSH server. */
const MAX_STALE = 1_048_576;

/** `raw` without anything before the `SSH-2.0-` banner (RFC 4253 section 4.2). Destroying either side destroys both. */
export function fromBanner(raw: Duplex): Duplex {
  let pending: Buffer | undefined = Buffer.alloc(0);
  let skipped = 0;
  const clean = new Duplex({
    read: () => {
      raw.resume();
    },
    write: (chunk, _encoding, done) => {
      raw.write(chunk, done);
    },
    final: (done) => {
      raw.end(done);
    },
    destroy: (cause, done) => {
      raw.destroy();
      done(cause);
    },
  });
  const forward = (chunk: Buffer) => {
    if (!clean.push(chunk)) raw.pause();
  };

  raw.on('data', (chunk: Buffer) => {
    if (pending === undefined) return forward(chunk);
    const seen = Buffer.concat([pending, chunk]);
    const start = seen.indexOf(BANNER);
    if (start !== -1) {
      pending = undefined;
      return forward(seen.subarray(start));
    }
    pending = seen.subarray(Math.max(0, seen.length - BANNER.length + 1));
    skipped += chunk.length;
    if (skipped > MAX_STALE) clean.destroy(new Error(`no SSH banner in ${MAX_STALE} bytes`));
  });
  raw.on('end', () => clean.push(null));
  raw.on('error', (cause) => clean.destroy(cause));
  raw.on('close', () => clean.destroy());
  return clean;
}
