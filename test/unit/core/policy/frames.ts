/** Frames a gateway of the test policies sends. */
import { type Flow, type Hop, udpFrame } from '../../../../src/frame/index.ts';
import { endpoint, openPolicy } from './policies.ts';

const LOCAL_PORT = 40_001;
export const ROUTER_MAC = '52:55:0a:00:02:02';
export const hop: Hop = { sourceMac: openPolicy.uplink.mac, destinationMac: ROUTER_MAC };
export const flow: Flow = {
  source: '10.0.2.15',
  destination: endpoint.address,
  sourcePort: LOCAL_PORT,
  destinationPort: endpoint.port,
};

/** A WireGuard message of `type` and `length` bytes; the rest is `fill`. */
export function message(type: number, length: number, fill = 0xa5): Buffer {
  const bytes = Buffer.alloc(length, fill);
  bytes.writeUInt32LE(type, 0);
  return bytes;
}

/** A data packet of the tunnel, `length` bytes of UDP payload. */
export function tunnelFrame(length = 128, fill = 0xa5): Buffer {
  return udpFrame(hop, flow, message(4, length, fill));
}

/** What must never leave: a question to a public resolver, in clear. */
export function foreignFrame(): Buffer {
  return udpFrame(hop, { ...flow, destination: '9.9.9.9', destinationPort: 53 }, Buffer.from('clear'));
}

/** IKE behind its marker, `length` bytes in all: an initiator's message of that exchange. */
export function ikeMessage(exchange: number, length: number): Buffer {
  const bytes = Buffer.alloc(Math.max(length, 4), 0xa5);
  bytes.writeUInt32BE(0, 0);
  for (const [offset, value] of [
    [21, 0x20],
    [22, exchange],
    [23, 0x08],
  ] as const) {
    if (offset < bytes.length) bytes.writeUInt8(value, offset);
  }
  if (bytes.length >= 32) bytes.writeUInt32BE(bytes.length - 4, 28);
  return bytes;
}

/** ESP of `length` bytes. */
export function espPacket(length: number, index = 0xc0_00_00_01): Buffer {
  const bytes = Buffer.alloc(length, 0xa5);
  bytes.writeUInt32BE(index, 0);
  return bytes;
}
