/** ARP for IPv4 over Ethernet: RFC 826. */
import { BROADCAST_MAC, ipv4Bytes, ipv4Text, macBytes, macText, ZERO_MAC } from './address.ts';
import { buildEthernet, ETHER_TYPES } from './ethernet.ts';

export interface ArpPacket {
  readonly operation: 'request' | 'reply';
  readonly senderMac: string;
  readonly senderAddress: string;
  readonly targetMac: string;
  readonly targetAddress: string;
  /** Bytes after the packet, e.g. padding to the minimum frame. */
  readonly tail: Buffer;
}

const LENGTH = 28;
/** Hardware type Ethernet, protocol type IPv4, address lengths 6 and 4. */
const PREFIX = Buffer.from([0x00, 0x01, 0x08, 0x00, 6, 4]);

/** The payload of an Ethernet frame of type ARP; undefined for any other hardware, protocol or operation. */
export function parseArp(payload: Buffer): ArpPacket | undefined {
  if (payload.length < LENGTH || !payload.subarray(0, PREFIX.length).equals(PREFIX)) return undefined;
  const operation = payload.readUInt16BE(6);
  if (operation !== 1 && operation !== 2) return undefined;
  return {
    operation: operation === 1 ? 'request' : 'reply',
    senderMac: macText(payload, 8),
    senderAddress: ipv4Text(payload, 14),
    targetMac: macText(payload, 18),
    targetAddress: ipv4Text(payload, 24),
    tail: payload.subarray(LENGTH),
  };
}

/** A broadcast question for `target`. */
export function buildArpRequest(sender: { readonly mac: string; readonly address: string }, target: string): Buffer {
  return frame('request', sender, { mac: ZERO_MAC, address: target }, BROADCAST_MAC);
}

export function buildArpReply(
  sender: { readonly mac: string; readonly address: string },
  target: { readonly mac: string; readonly address: string },
): Buffer {
  return frame('reply', sender, target, target.mac);
}

function frame(
  operation: ArpPacket['operation'],
  sender: { readonly mac: string; readonly address: string },
  target: { readonly mac: string; readonly address: string },
  destination: string,
): Buffer {
  const payload = Buffer.concat([
    PREFIX,
    Buffer.from([0, operation === 'request' ? 1 : 2]),
    macBytes(sender.mac),
    ipv4Bytes(sender.address),
    macBytes(target.mac),
    ipv4Bytes(target.address),
  ]);
  return buildEthernet({ destination, source: sender.mac, etherType: ETHER_TYPES.arp, payload });
}
