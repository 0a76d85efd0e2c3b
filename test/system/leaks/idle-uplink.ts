/**
 * What a gateway says by itself on the untrusted network (leak case 43), judged byte by byte and not by the guard's own
 * matcher: ARP for its next hop, DHCP without a name in it, the tunnel. Anything else is told in words.
 */
import { readFile } from 'node:fs/promises';
import { hostname, networkInterfaces } from 'node:os';
import { expect } from '@jest/globals';
import {
  describeFrame,
  ETHER_TYPES,
  IP_PROTOCOLS,
  parseArp,
  parseDhcp,
  parseEthernet,
  parseIpv4,
  parsePcap,
  parseUdp,
} from '../../../src/frame/index.ts';
import { LAB, type Lab } from '../../../src/lab/index.ts';

export interface IdleGateway {
  readonly mac: string;
  readonly address: string;
  readonly nextHop: string;
  readonly endpoint: { readonly address: string; readonly port: number };
}

/** Options that say nothing about who asks: wanted address, type, server, wishes, size. RFC 2132. */
const NAMELESS: ReadonlySet<number> = new Set([50, 53, 54, 55, 57]);

/** The frames of `pcap` that came from the gateway, and what is wrong with them. */
export function judgeIdle(
  pcap: Buffer,
  gateway: IdleGateway,
): { frames: number; tunnel: number; wrong: readonly string[] } {
  const frames = (parsePcap(pcap) ?? []).map(({ frame }) => frame);
  const own = frames.filter((frame) => parseEthernet(frame)?.source === gateway.mac);
  // Not the gateway's MAC and yet on its wire: a card with a second name.
  const foreign = frames.filter((frame) => !own.includes(frame));
  const wrong = [
    ...foreign.map((frame) => `from another MAC: ${describeFrame(frame)}`),
    ...own.flatMap((frame) => wrongWith(frame, gateway)),
  ];
  return { frames: own.length, tunnel: own.filter((frame) => isTunnel(frame, gateway)).length, wrong };
}

function wrongWith(bytes: Buffer, gateway: IdleGateway): readonly string[] {
  const frame = parseEthernet(bytes);
  if (frame?.etherType === ETHER_TYPES.arp) {
    const arp = parseArp(frame.payload);
    const asks = arp?.operation === 'request' && arp.targetAddress === gateway.nextHop;
    const answers = arp?.operation === 'reply' && arp.targetAddress === gateway.nextHop;
    const own = arp?.senderMac === gateway.mac && arp.senderAddress === gateway.address;
    return (asks || answers) && own ? [] : [`ARP that is not for the next hop: ${describeFrame(bytes)}`];
  }
  const packet = frame?.etherType === ETHER_TYPES.ipv4 ? parseIpv4(frame.payload) : undefined;
  const datagram = packet?.protocol === IP_PROTOCOLS.udp ? parseUdp(packet.payload) : undefined;
  if (datagram?.sourcePort === 68 && datagram.destinationPort === 67)
    return wrongWithDhcp(datagram.payload, gateway.mac);
  return isTunnel(bytes, gateway) ? [] : [describeFrame(bytes)];
}

function wrongWithDhcp(payload: Buffer, mac: string): readonly string[] {
  const message = parseDhcp(payload);
  if (message === undefined) return ['DHCP that cannot be read'];
  const telling = message.options.filter(({ code }) => !NAMELESS.has(code));
  return [
    ...telling.map(({ code, value }) => `DHCP option ${code}: ${JSON.stringify(value.toString('latin1'))}`),
    ...(message.spareZero ? [] : ['DHCP with something in its empty fields']),
    ...(message.clientMac === mac ? [] : [`DHCP for another MAC: ${message.clientMac}`]),
  ];
}

/** A WireGuard message from the gateway's address to the endpoint: type 1 to 4 and three zero bytes. */
function isTunnel(bytes: Buffer, { address, endpoint }: IdleGateway): boolean {
  const frame = parseEthernet(bytes);
  const packet = frame?.etherType === ETHER_TYPES.ipv4 ? parseIpv4(frame.payload) : undefined;
  const datagram = packet?.protocol === IP_PROTOCOLS.udp ? parseUdp(packet.payload) : undefined;
  if (packet?.source !== address || packet.destination !== endpoint.address) return false;
  const head = datagram?.destinationPort === endpoint.port ? datagram.payload.subarray(0, 4).toString('hex') : '';
  return /^0[1-4]000000$/.test(head);
}

/** A card of nobody's: locally administered, for one receiver, and not one of this machine's. */
export function isMadeUp(mac: string): boolean {
  const first = Number.parseInt(mac.slice(0, 2), 16);
  const cards = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return (first & 3) === 2 && !cards.some((card) => card.mac === mac);
}

/** What of an idle gate was seen on its uplink, and inside the tunnel by the provider: nothing that names anybody. */
export async function expectNameless(lab: Lab, gateway: IdleGateway): Promise<void> {
  const { witness } = lab.pass().plan();
  const pcap = witness === undefined ? await lab.capture('all') : await readFile(witness);
  const { frames, tunnel, wrong } = judgeIdle(pcap, gateway);
  expect(wrong).toEqual([]);
  // A wire that nothing was seen on would show nothing.
  expect(frames).toBeGreaterThan(10);
  expect(tunnel).toBeGreaterThan(5);
  expect(pcap.includes(hostname())).toBe(false);
  expect(isMadeUp(gateway.mac)).toBe(true);
  expect(await lab.witnessed()).toMatchObject({ foreign: 0 });
  const asked = await lab.dnsLog('vpn');
  expect(asked.length).toBeGreaterThan(0);
  // Nonces below a name that exists nowhere, and the site that shows the exit: no PTR, no time server, no update.
  expect(
    asked.filter(({ type, name }) => type !== 'A' || !(name.endsWith('.invalid') || name === LAB.siteName)),
  ).toEqual([]);
  const fetched = await lab.httpLog();
  expect(fetched.filter(({ scheme, path }) => scheme !== 'https' || path !== '/')).toEqual([]);
}
