/**
 * The shape of what the TCP of a VPN's client sends (RFC 9293), whatever stream it carries: nothing in it but what a Linux
 * client's connection has. Where messages begin in the stream is another's to follow.
 */
import { parseTcp, type TcpSegment } from '../../frame/index.ts';

const [FIXED_HEADER, OFFSET, FLAGS, URGENT] = [20, 12, 13, 18] as const;
const RESERVED_BITS = 0x0f;
/** Congestion is told only where both sides asked for that in the SYN, and the gateway's never does (tcp_ecn). */
const CONGESTION_FLAGS = 0xc0;

/** Options by kind, and which lengths they have: MSS, window scale, SACK permitted, SACK, timestamps (RFC 9293, 7323, 2018). */
const OPTIONS: Readonly<Record<number, readonly number[]>> = {
  2: [4],
  3: [3],
  4: [2],
  5: [10, 18, 26, 34],
  8: [10],
};
const [END, PADDING] = [0, 1] as const;

/**
 * The segment, or the first rule that it breaks.
 *
 * @param port the endpoint's
 * @param localPort of the VPN socket; undefined: any
 */
export function readTunnelSegment(bytes: Buffer, port: number, localPort: number | undefined): TcpSegment | string {
  const tcp = parseTcp(bytes);
  if (tcp === undefined) return 'garbled TCP';
  if (tcp.destinationPort !== port) return "not the endpoint's port";
  if (localPort !== undefined && tcp.sourcePort !== localPort) return "not from the VPN socket's port";
  if ((bytes.readUInt8(OFFSET) & RESERVED_BITS) !== 0) return 'TCP with reserved bits set';
  if ((bytes.readUInt8(FLAGS) & CONGESTION_FLAGS) !== 0) return 'TCP that tells of congestion';
  if (tcp.flags.urg || bytes.readUInt16BE(URGENT) !== 0) return 'urgent TCP';
  const { syn, ack, fin, rst } = tcp.flags;
  if (syn && (ack || fin || rst)) return 'TCP that answers or ends as it begins';
  if (!syn && !ack && !rst) return 'TCP that acknowledges nothing';
  if ((syn || rst) && tcp.payload.length > 0) return 'TCP that begins or breaks off with data';
  return breaksOptions(bytes.subarray(FIXED_HEADER, bytes.length - tcp.payload.length)) ?? tcp;
}

function breaksOptions(options: Buffer): string | undefined {
  for (let at = 0; at < options.length; ) {
    const kind = options.readUInt8(at);
    if (kind === END) return options.subarray(at).every((byte) => byte === END) ? undefined : 'bytes after TCP options';
    if (kind === PADDING) {
      at += 1;
      continue;
    }
    const length = at + 1 < options.length ? options.readUInt8(at + 1) : 0;
    const known = Object.hasOwn(OPTIONS, kind) ? OPTIONS[kind] : undefined;
    if (known?.includes(length) !== true || at + length > options.length) return `TCP option ${kind}`;
    at += length;
  }
  return undefined;
}
