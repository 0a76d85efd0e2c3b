/** Ethernet II frames without frame check sequence, as QEMU's network backends carry them. */
import { macBytes, macText } from './address.ts';

export const ETHERNET_HEADER = 14;

export const ETHER_TYPES = {
  ipv4: 0x0800,
  arp: 0x0806,
  vlan: 0x8100,
  ipv6: 0x86dd,
  eapol: 0x888e,
  lldp: 0x88cc,
} as const;

export interface EthernetFrame {
  readonly destination: string;
  readonly source: string;
  /** Up to 1500 this is a length (IEEE 802.3), not a type. */
  readonly etherType: number;
  readonly payload: Buffer;
}

export function parseEthernet(frame: Buffer): EthernetFrame | undefined {
  if (frame.length < ETHERNET_HEADER) return undefined;
  return {
    destination: macText(frame, 0),
    source: macText(frame, 6),
    etherType: frame.readUInt16BE(12),
    payload: frame.subarray(ETHERNET_HEADER),
  };
}

/** @throws RangeError on a garbled address. */
export function buildEthernet(frame: EthernetFrame): Buffer {
  const type = Buffer.from([frame.etherType >>> 8, frame.etherType & 0xff]);
  return Buffer.concat([macBytes(frame.destination), macBytes(frame.source), type, frame.payload]);
}
