import { createHash, type Hash } from 'node:crypto';

/** `sha256:<hex>`, the way digests are written everywhere: in manifests, receipts and records. */
export function sha256(data: Uint8Array | string): string {
  return digestText(createHash('sha256').update(data));
}

/** The same of what was hashed piece by piece; `hash` is over with it. */
export function digestText(hash: Hash): string {
  return `sha256:${hash.digest('hex')}`;
}
