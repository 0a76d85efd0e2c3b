/**
 * The verdict of verdict.ts at the speed of the wire: the tunnel's packets are recognised in place, by offsets in the
 * buffer they arrived in, without an object or a copy. Whatever is not plainly one of them goes to the reference.
 */
import { ipv4Bytes, macBytes } from '../../frame/index.ts';
import { type FrameKind, judgeFrame, type UplinkPolicy } from './verdict.ts';
import { DATA_OVERHEAD, DATA_TYPE, HANDSHAKE_LENGTHS, PADDING } from './wireguard-shape.ts';

export interface FrameMatcher {
  /** The kind of the frame `buffer[start..end)`, or undefined for one that may not leave. */
  match(buffer: Buffer, start: number, end: number): FrameKind | undefined;
  /** The rule a refused frame broke. */
  explain(frame: Buffer): string;
}

/** Offsets in a frame without VLAN tag and IP options. */
const AT = {
  destinationMac: 0,
  sourceMac: 6,
  etherType: 12,
  version: 14,
  totalLength: 16,
  fragment: 20,
  protocol: 23,
  source: 26,
  destination: 30,
  sourcePort: 34,
  destinationPort: 36,
  udpLength: 38,
  payload: 42,
} as const;
const ETHERNET = 14;
const IP_HEADER = 20;
const UDP = 17;
const DONT_FRAGMENT = 0x4000;

/** @throws RangeError when the policy holds a garbled address. */
export function compileMatcher(policy: UplinkPolicy): FrameMatcher {
  const isTunnel = compileTunnel(policy);
  return {
    match(buffer, start, end) {
      if (isTunnel(buffer, start, end)) return 'tunnel';
      const judged = judgeFrame(policy, buffer.subarray(start, end));
      return judged.verdict === 'pass' ? judged.kind : undefined;
    },
    explain(frame) {
      const judged = judgeFrame(policy, frame);
      return judged.verdict === 'drop' ? judged.why : 'nothing';
    },
  };
}

/** Recognises a packet of the VPN socket; false also where only the reference can tell. */
function compileTunnel({
  uplink,
  endpoints,
  tunnel,
}: UplinkPolicy): (b: Buffer, start: number, end: number) => boolean {
  const targets = endpoints.filter(({ protocol }) => protocol === 'udp');
  if (uplink.address === undefined || targets.length === 0) return () => false;
  const mac = macBytes(uplink.mac);
  const macHigh = mac.readUInt32BE(0);
  const macLow = mac.readUInt16BE(4);
  const source = ipv4Bytes(uplink.address).readUInt32BE(0);
  const addresses = targets.map(({ address }) => ipv4Bytes(address).readUInt32BE(0));
  const ports = targets.map(({ port }) => port);
  const localPort = tunnel?.localPort;
  const fullLength = tunnel?.mtu === undefined ? undefined : tunnel.mtu + DATA_OVERHEAD;

  const isEndpoint = (address: number, port: number) => {
    for (let index = 0; index < addresses.length; index += 1) {
      if (addresses[index] === address && ports[index] === port) return true;
    }
    return false;
  };
  const isWireGuard = (word: number, length: number) => {
    if ((word & 0x00ffffff) !== 0) return false;
    const type = word >>> 24;
    if (type !== DATA_TYPE) return HANDSHAKE_LENGTHS[type] === length;
    if (length < DATA_OVERHEAD) return false;
    return fullLength === undefined || length % PADDING === 0 || length === fullLength;
  };

  return (buffer, start, end) => {
    const length = end - start;
    if (length < AT.payload + 4 || end > buffer.length) return false;
    if (buffer.readUInt32BE(start + AT.sourceMac) !== macHigh) return false;
    if (buffer.readUInt16BE(start + AT.sourceMac + 4) !== macLow) return false;
    const destinationHigh = buffer.readUInt32BE(start + AT.destinationMac);
    if ((destinationHigh & 0x01000000) !== 0) return false;
    if (destinationHigh === macHigh && buffer.readUInt16BE(start + AT.destinationMac + 4) === macLow) return false;
    if (buffer.readUInt16BE(start + AT.etherType) !== 0x0800 || buffer.readUInt8(start + AT.version) !== 0x45)
      return false;
    if (buffer.readUInt16BE(start + AT.totalLength) !== length - ETHERNET) return false;
    if ((buffer.readUInt16BE(start + AT.fragment) & ~DONT_FRAGMENT) !== 0) return false;
    if (buffer.readUInt8(start + AT.protocol) !== UDP) return false;
    if (buffer.readUInt32BE(start + AT.source) !== source) return false;
    if (buffer.readUInt16BE(start + AT.udpLength) !== length - ETHERNET - IP_HEADER) return false;
    if (localPort !== undefined && buffer.readUInt16BE(start + AT.sourcePort) !== localPort) return false;
    const address = buffer.readUInt32BE(start + AT.destination);
    if (!isEndpoint(address, buffer.readUInt16BE(start + AT.destinationPort))) return false;
    return isWireGuard(buffer.readUInt32BE(start + AT.payload), length - AT.payload);
  };
}
