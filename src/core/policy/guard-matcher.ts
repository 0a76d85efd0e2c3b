/**
 * The verdict of verdict.ts at the speed of the wire: the tunnel's packets are recognised in place, by offsets in the
 * buffer they arrived in, without an object or a copy. Whatever is not plainly one of them goes to the reference, and what is
 * a stream is followed besides: a matcher has seen every frame since its policy was loaded.
 */
import { ETHERNET_HEADER, IP_PROTOCOLS, ipv4Bytes, macBytes, parseTcp } from '../../frame/index.ts';
import type { WireShape } from './egress-policy.ts';
import { isEsp } from './ipsec-shape.ts';
import { breaksOpenVpn } from './openvpn-shape.ts';
import { OpenVpnStream } from './openvpn-stream.ts';
import { DTLS_OFFSETS, isDtlsData } from './tls-shape.ts';
import { TlsStreams } from './tls-stream.ts';
import { type FrameKind, judgeFrame, type UplinkPolicy } from './verdict.ts';
import { DATA_OVERHEAD, DATA_TYPE, HANDSHAKE_LENGTHS, PADDING } from './wireguard-shape.ts';

export interface FrameMatcher {
  /** The kind of the frame `buffer[start..end)`, or undefined for one that may not leave. */
  match(buffer: Buffer, start: number, end: number): FrameKind | undefined;
  /** The rule a refused frame broke. */
  explain(frame: Buffer): string;
}

/** Offsets of the 32-bit words that are compared, in a frame without VLAN tag and IP options. */
const WORD = {
  destinationMac: 0,
  sourceMac: 6,
  /** Last two bytes of the source MAC, and the type. */
  sourceMacType: 10,
  /** Version and header length, type of service, total length. */
  version: 14,
  /** Flags and fragment offset, time to live, protocol. */
  fragment: 20,
  source: 26,
  destination: 30,
  /** Source port and destination port. */
  ports: 34,
  payload: 42,
} as const;
const UDP_LENGTH = 38;
const IP_HEADER = 20;
const PROTOCOL = 23;

/** @throws RangeError when the policy holds a garbled address. */
export function compileMatcher(policy: UplinkPolicy): FrameMatcher {
  const isTunnel = compileTunnel(policy);
  const isTls = policy.endpoints.some(({ protocol, shape }) => protocol === 'tcp' && shape === 'openconnect');
  const stream = isTls ? new TlsStreams() : new OpenVpnStream();
  let broken = 'nothing';
  return {
    match(buffer, start, end) {
      if (isTunnel(buffer, start, end)) return 'tunnel';
      const frame = buffer.subarray(start, end);
      const judged = judgeFrame(policy, frame);
      if (judged.verdict === 'drop') return undefined;
      if (judged.kind === 'tunnel' && frame[PROTOCOL] === IP_PROTOCOLS.tcp) {
        const segment = parseTcp(frame.subarray(ETHERNET_HEADER + IP_HEADER));
        const why = segment === undefined ? 'garbled TCP' : stream.breaks(segment);
        if (why !== undefined) {
          broken = why;
          return undefined;
        }
      }
      return judged.kind;
    },
    explain(frame) {
      const judged = judgeFrame(policy, frame);
      return judged.verdict === 'drop' ? judged.why : broken;
    },
  };
}

type IsTunnel = (buffer: Buffer, start: number, end: number) => boolean;

/** Recognises a packet of the VPN socket; false also where only the reference can tell. Words are signed. */
function compileTunnel({ uplink, endpoints, tunnel }: UplinkPolicy): IsTunnel {
  const targets = endpoints.filter(({ protocol }) => protocol === 'udp');
  if (uplink.address === undefined || targets.length === 0) return () => false;
  const mac = macBytes(uplink.mac);
  const macHigh = mac.readInt32BE(0);
  const macLow = mac.readUInt16BE(4);
  const macLowAndType = (macLow << 16) | 0x0800;
  const source = ipv4Bytes(uplink.address).readInt32BE(0);
  const addresses = Int32Array.from(targets, ({ address }) => ipv4Bytes(address).readInt32BE(0));
  const ports = Int32Array.from(targets, ({ port }) => port);
  const localPort = tunnel?.localPort;
  const fullLength = tunnel?.mtu === undefined ? undefined : tunnel.mtu + DATA_OVERHEAD;

  // Frames come in the same buffer again and again, and a DataView reads a word in one machine instruction.
  let viewed: Buffer = Buffer.alloc(0);
  let view: DataView = new DataView(viewed.buffer);

  const isWireGuard = (word: number, length: number) => {
    if ((word & 0x00ffffff) !== 0) return false;
    const type = word >>> 24;
    if (type !== DATA_TYPE) return HANDSHAKE_LENGTHS[type] === length;
    if (length < DATA_OVERHEAD) return false;
    return fullLength === undefined || length % PADDING === 0 || length === fullLength;
  };
  const isOpenVpn = (word: number, length: number) => breaksOpenVpn(word >>> 24, length) === undefined;
  // Of IPsec the packets alone: what keeps them going is rare, and the reference's.
  const fits: Readonly<Record<WireShape, (word: number, length: number, at: number) => boolean>> = {
    wireguard: isWireGuard,
    openvpn: isOpenVpn,
    ipsec: isEsp,
    openconnect: (word, length, at) =>
      length > DTLS_OFFSETS.recordLength + 2 &&
      isDtlsData(word, length, view.getUint16(at + DTLS_OFFSETS.recordLength), view.getUint16(at + DTLS_OFFSETS.epoch)),
  };
  const shapes = targets.map(({ shape }) => fits[shape]);

  /** `word` is the payload's first, `at` where it stands. */
  const isMessageTo = (address: number, port: number, word: number, length: number, at: number) => {
    for (let index = 0; index < addresses.length; index += 1) {
      if (addresses[index] === address && ports[index] === port) return shapes[index]?.(word, length, at) === true;
    }
    return false;
  };

  return (buffer, start, end) => {
    const length = end - start;
    if (length < WORD.payload + 4 || end > buffer.length) return false;
    if (buffer !== viewed) {
      viewed = buffer;
      view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
    }
    if (view.getInt32(start + WORD.sourceMac) !== macHigh) return false;
    if (view.getInt32(start + WORD.sourceMacType) !== macLowAndType) return false;
    const to = view.getInt32(start + WORD.destinationMac);
    if ((to & 0x01000000) !== 0 || (to === macHigh && view.getUint16(start + 4) === macLow)) return false;
    if ((view.getInt32(start + WORD.version) & 0xff00ffff) !== (0x45000000 | (length - ETHERNET_HEADER))) return false;
    if ((view.getInt32(start + WORD.fragment) & 0xbfff00ff) !== IP_PROTOCOLS.udp) return false;
    if (view.getInt32(start + WORD.source) !== source) return false;
    if (view.getUint16(start + UDP_LENGTH) !== length - ETHERNET_HEADER - IP_HEADER) return false;
    const bothPorts = view.getInt32(start + WORD.ports);
    if (localPort !== undefined && bothPorts >>> 16 !== localPort) return false;
    const address = view.getInt32(start + WORD.destination);
    const at = start + WORD.payload;
    return isMessageTo(address, bothPorts & 0xffff, view.getInt32(at), length - WORD.payload, at);
  };
}
