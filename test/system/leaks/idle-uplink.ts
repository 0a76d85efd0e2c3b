/**
 * What a gateway says by itself on the untrusted network (leak case 43), judged byte by byte and not by the guard's own
 * matcher: ARP for its next hop, DHCP without a name in it, the tunnel. Anything else is told in words.
 */
import { readFile } from 'node:fs/promises';
import { hostname, networkInterfaces } from 'node:os';
import { expect } from '@jest/globals';
import { planLinks } from '../../../src/core/link-plan.ts';
import { Installation } from '../../../src/drivers/index.ts';
import {
  buildDnsQuery,
  DNS_TYPES,
  describeFrame,
  ETHER_TYPES,
  IP_PROTOCOLS,
  parseArp,
  parseDhcp,
  parseEthernet,
  parseIpv4,
  parsePcap,
  parseUdp,
  udpFrame,
} from '../../../src/frame/index.ts';
import type { GateLayout } from '../../../src/home/index.ts';
import { LAB, type Lab, standOn } from '../../../src/lab/index.ts';
import { macSeed } from '../../../src/supervisor/world.ts';
import { until } from './life-scene.ts';

export interface IdleGateway {
  readonly mac: string;
  readonly address: string;
  readonly nextHop: string;
  readonly endpoint: { readonly address: string; readonly port: number };
}

/** The gateway of `gate`, whose uplink has a fixed address. */
export function gatewayOf(
  { addressing, endpoint }: Pick<Lab, 'addressing' | 'endpoint'>,
  gate: GateLayout,
): IdleGateway {
  if (addressing.kind !== 'static') throw new Error('an address that the network gives');
  return { ...planLinks([], addressing, [], macSeed(gate)).uplink, ...addressing, endpoint };
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
  // A short name may stand anywhere by chance.
  if (hostname().length > 5) expect(pcap.includes(hostname())).toBe(false);
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

/** Somebody in the gateway's place on the wire who names himself, asks for the time and for names: what is told of it. */
export async function talkative(lab: Lab): Promise<string> {
  const { uplink, addressing } = lab;
  if (uplink.kind !== 'wire' || addressing.kind !== 'static') throw new Error('not a wire');
  const gateway: IdleGateway = { mac: '52:54:01:00:00:01', ...addressing, endpoint: lab.endpoint };
  const hop = { sourceMac: gateway.mac, destinationMac: LAB.routerMac };
  const ends = { source: addressing.address, destination: LAB.router, sourcePort: 40_000 };
  const dhcp = { source: '0.0.0.0', destination: '255.255.255.255', sourcePort: 68, destinationPort: 67 };
  await lab.resetCounts();
  const stand = await standOn({ folder: `${uplink.localPath}.st`, ...uplink }, new Installation());
  try {
    stand.send(udpFrame(hop, { ...ends, destinationPort: 123 }, Buffer.alloc(48, 0x23)));
    stand.send(
      udpFrame(hop, { ...ends, destinationPort: 53 }, buildDnsQuery(1, '1.77.168.192.in-addr.arpa', DNS_TYPES.ptr)),
    );
    stand.send(udpFrame(hop, dhcp, dhcpWithName(gateway.mac)));
    await until('the lab saw it', async () => {
      const { foreign, dhcp: asked } = await lab.counts();
      return foreign >= 2 && asked >= 1;
    });
    const { wrong } = judgeIdle(await lab.capture('all'), gateway);
    return wrong.filter((line) => !line.startsWith('from another MAC')).join('\n');
  } finally {
    await stand.close();
  }
}

/** As many clients ask: with the host's name. */
function dhcpWithName(mac: string): Buffer {
  const fixed = Buffer.alloc(236);
  fixed.set([1, 1, 6], 0);
  fixed.set(Buffer.from(mac.replaceAll(':', ''), 'hex'), 28);
  const name = Buffer.from('anns-laptop');
  const options = [0x63, 0x82, 0x53, 0x63, 53, 1, 1, 12, name.length];
  return Buffer.concat([fixed, Buffer.from(options), name, Buffer.from([255])]);
}
