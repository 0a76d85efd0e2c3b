import { createHash } from 'node:crypto';

/** `sha256:<hex>`, the way digests are written everywhere: in manifests, receipts and records. */
export function sha256(data: Uint8Array | string): string {
  return `sha256:${createHash('sha256').update(data).digest('hex')}`;
}
