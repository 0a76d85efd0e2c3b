/** The Internet checksum: RFC 1071. Over a block that contains its own right checksum it is 0. */
export function internetChecksum(...blocks: readonly Uint8Array[]): number {
  let sum = 0;
  let odd = false;
  for (const block of blocks) {
    for (const byte of block) {
      sum += odd ? byte : byte << 8;
      odd = !odd;
    }
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  }
  return ~sum & 0xffff;
}

/** Checksum of a UDP or TCP segment with the IPv4 pseudo-header: RFC 768, RFC 9293 3.1. */
export function transportChecksum(
  source: Uint8Array,
  destination: Uint8Array,
  protocol: number,
  segment: Uint8Array,
): number {
  const pseudo = Buffer.from([0, protocol, segment.length >>> 8, segment.length & 0xff]);
  return internetChecksum(source, destination, pseudo, segment);
}
