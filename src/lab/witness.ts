/**
 * Counts what really left a gateway on slirp: from the pcap its QEMU writes behind the guard. Reads bytes by itself and
 * not through src/frame, so that it cannot share a mistake with the guard. The wire's twin is
 * provision/lab/rootfs/etc/lab/witness.nft.
 */
import { readFile } from 'node:fs/promises';
import { isIPv4 } from 'node:net';
import { parsePcap } from '../frame/index.ts';
import { errnoOf } from '../host/index.ts';
import type { LabCounts } from './answers.ts';

export type WitnessedKind = 'arp' | 'dhcp' | 'tunnel' | 'foreign';
/** Whose shape the frames to the endpoint must have. */
export type WitnessedVpn = 'wireguard' | 'openvpn' | 'openvpn-tcp' | 'ipsec' | 'openconnect';
export type WitnessCounts = Readonly<Record<WitnessedKind, number>>;

const [TCP, UDP] = [6, 17] as const;

/** Zero of everything while the file is not there: nothing left yet. */
export async function witnessCounts(
  pcapFile: string,
  endpoint: { readonly address: string; readonly port: number },
  vpn: WitnessedVpn = 'wireguard',
): Promise<WitnessCounts> {
  const file = await readFile(pcapFile).catch((cause: unknown) => {
    // One that is there and cannot be read is not one that saw nothing.
    if (errnoOf(cause) !== 'ENOENT') throw cause;
    return Buffer.alloc(0);
  });
  const frames = parsePcap(file) ?? [];
  const counts = { arp: 0, dhcp: 0, tunnel: 0, foreign: 0 };
  for (const { frame } of frames) counts[kindOf(frame, endpoint, vpn)] += 1;
  return counts;
}

/** `foreign` is whatever is not provably one of the others. */
export function kindOf(
  frame: Buffer,
  endpoint: { readonly address: string; readonly port: number },
  vpn: WitnessedVpn = 'wireguard',
): WitnessedKind {
  if (frame.length < 14) return 'foreign';
  const etherType = frame.readUInt16BE(12);
  if (etherType === 0x0806) return 'arp';
  // IPv4 without options, whole.
  if (etherType !== 0x0800 || frame.length < 46) return 'foreign';
  if (frame[14] !== 0x45 || (frame.readUInt16BE(20) & 0x3fff) !== 0) return 'foreign';
  const [from, to] = [frame.readUInt16BE(34), frame.readUInt16BE(36)];
  const toEndpoint = frame.subarray(30, 34).equals(bytesOf(endpoint.address)) && to === endpoint.port;
  if (frame[23] === TCP) return BY_TCP.includes(vpn) && toEndpoint && isPlainTcp(frame, from) ? 'tunnel' : 'foreign';
  if (frame[23] !== UDP) return 'foreign';
  if (from === 68 && to === 67) return 'dhcp';
  const head = frame.readUInt32BE(42);
  return toEndpoint && FITS[vpn](frame.subarray(42, 34 + frame.readUInt16BE(38)), head) ? 'tunnel' : 'foreign';
}

const BY_TCP: readonly WitnessedVpn[] = ['openvpn-tcp', 'openconnect'];

/** Whether the payload of a datagram to the endpoint, and its first word, are of that VPN. */
const FITS: Readonly<Record<WitnessedVpn, (payload: Buffer, head: number) => boolean>> = {
  wireguard: (_payload, head) => isWireGuard(head),
  openvpn: (_payload, head) => isOpenVpn(head >>> 24),
  'openvpn-tcp': () => false,
  ipsec: isIpsec,
  openconnect: isDtls,
};

/** Type 20 to 23 and a version of DTLS. */
function isDtls(_payload: Buffer, head: number): boolean {
  const [type, version] = [head >>> 24, (head >>> 8) & 0xffff];
  return type >= 20 && type <= 23 && (version === 0xfeff || version === 0xfefd);
}

/** Not urgent, and from no server's port. Where messages begin in it only who has followed the stream knows. */
function isPlainTcp(frame: Buffer, from: number): boolean {
  return frame.length >= 54 && from >= 1_024 && (frame.readUInt8(47) & 0x20) === 0;
}

/** IKE 2.0 behind four zero bytes, ESP from index 256 on, or one byte that keeps a NAT open. */
function isIpsec(payload: Buffer, head: number): boolean {
  if (payload.length === 1) return payload[0] === 0xff;
  return head === 0 ? payload[21] === 0x20 : head >= 256 && payload.length % 4 === 0;
}

/** Type 1 to 4 and three zero bytes open every WireGuard message. */
function isWireGuard(head: number): boolean {
  return (head & 0x00ffffff) === 0 && head >>> 24 >= 1 && head >>> 24 <= 4;
}

/** A client's operations in the upper five bits, the key's number in the lower three; sessions begin with key 0. */
function isOpenVpn(first: number): boolean {
  return (first >= 24 && first <= 56) || (first >= 72 && first <= 80) || (first >= 88 && first <= 95);
}

function bytesOf(address: string): Buffer {
  if (!isIPv4(address)) throw new RangeError(`not an IPv4 address: ${address}`);
  return Buffer.from(address.split('.').map(Number));
}

/** The same counts of the lab's own card, without the kind only the wire knows. */
export function onTheWire({ arp, dhcp, tunnel, foreign }: LabCounts): WitnessCounts {
  return { arp, dhcp, tunnel, foreign };
}
