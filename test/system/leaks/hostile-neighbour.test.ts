/**
 * What a neighbour on the untrusted network forges, and what an owned work VM does of the same: first at a machine that
 * defends nothing, where it works, then at a gateway without its guard: what holds there, the gateway holds alone.
 *
 * @leakCase 6 wire: router advertisements, redirects and DHCPv6, from the uplink and from a link: no IPv6 in the gateway
 * @leakCase 8 wire: forged ICMP redirects and "fragmentation needed": neither next hop nor packet size changes
 * @leakCase 10 wire: segments to the address inside the tunnel, from the uplink (CVE-2019-14899): no answer, no trace
 */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { Installation } from '../../../src/drivers/index.ts';
import { buildArpRequest, dnsQueryFrame, TCP_FLAGS, tcpFrame, udpFrame } from '../../../src/frame/index.ts';
import {
  arpSpoof,
  dhcpv6Reply,
  type ForgedError,
  fragmentationNeeded,
  icmpRedirect,
  LAB,
  type Lab,
  neighbourRedirect,
  type Router6,
  routerAdvertisement,
} from '../../../src/lab/index.ts';
import { newToken } from '../../../src/verify/token.ts';
import { CLIENT_MAC, Client } from '../lab/client.ts';
import { labImage } from '../lab/lab-image.ts';
import { admitClient, openLab, until } from './volley.ts';
import { GUARDS, LINKS, openWiredGate, UPLINK, type WiredGate } from './wired-gate.ts';

jest.setTimeout(60_000);
const BOOT_MS = 300_000;
const REACH_MS = 20_000;
/** Where forged redirects lead. */
const ELSEWHERE = '192.168.77.66';
/** The smallest packet size Linux believes. */
const TINY_MTU = 552;

let lab: Lab;
let closeLab: () => Promise<void>;
beforeAll(async () => {
  ({ lab, close: closeLab } = await openLab());
}, BOOT_MS);
afterAll(() => closeLab());

const hopTo = (mac: string) => ({ sourceMac: LAB.routerMac, destinationMac: mac });

/** About the tunnel's own datagrams, which everybody on the network sees. */
function aboutTheTunnel(mac: string, sourcePort: number): ForgedError {
  const about = { source: UPLINK.address, destination: LAB.endpoint.address, sourcePort };
  return { hop: hopTo(mac), source: LAB.router, about: { ...about, destinationPort: LAB.endpoint.port } };
}

/** What somebody sends who looks for the address inside the tunnel, and for a flow of the site's. */
function intoTheTunnel(mac: string): Buffer[] {
  const flow = { source: LAB.site, destination: LAB.client, sourcePort: 80 };
  return Array.from({ length: 20 }, (_, index) =>
    tcpFrame(
      hopTo(mac),
      { ...flow, destinationPort: 40_000 + index },
      { flags: TCP_FLAGS.syn | TCP_FLAGS.ack, sequence: 1 },
    ),
  );
}

/** Linux asks for the new hop first and follows the next redirect, once it was told where that is. */
function elsewhere(forged: ForgedError, mac: string): Buffer[] {
  const redirect = icmpRedirect(forged, ELSEWHERE);
  return [redirect, arpSpoof(ELSEWHERE, { mac, address: UPLINK.address }), redirect];
}

const IPV6 = (router?: Router6) => [
  routerAdvertisement(router),
  neighbourRedirect(undefined, router),
  dhcpv6Reply(router),
];

describe('anti-test: a machine that defends nothing', () => {
  let folder: string;
  let client: Client;
  const shows = (line: string, what: string) =>
    until(async () => (await client.run(line)).output.includes(what), `${what} is not in: ${line}`);

  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'vmg-bare-'));
    const image = await labImage();
    client = await Client.start({ folder, lab, image, installation: new Installation() });
    const settings = lab.profile.replace(/^(?:Address|DNS) .*\n/gm, '');
    await client.run(`ip addr add ${UPLINK.address}/24 dev up0; ip route add default via ${LAB.router}
      printf %s '${settings}' >/run/wg.conf; ip link add tun0 type wireguard; wg setconf tun0 /run/wg.conf
      ip addr add ${LAB.client}/32 dev tun0; ip link set tun0 up mtu 1420; ip route add ${LAB.site} dev tun0
      ping -c 1 -W 5 ${LAB.site}`);
  }, BOOT_MS);
  afterAll(async () => {
    await client?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test('case 6: it takes the neighbour for its router, and speaks IPv6 in clear', async () => {
    const { digits } = newToken();
    await client.run('echo 0 >/proc/sys/net/ipv6/conf/up0/disable_ipv6');
    await lab.inject(IPV6());
    await shows('ip -6 addr show dev up0; ip -6 route', '2001:db8:66:');
    await until(async () => {
      await client.run(`echo ${digits} | socat -t 1 - UDP6:[2001:db8::80]:9`);
      return (await lab.framesWith(Buffer.from(digits))) > 0;
    }, 'IPv6 in clear');
    await client.run('echo 1 >/proc/sys/net/ipv6/conf/up0/disable_ipv6');
  });

  test('case 10: it answers, and the network sees by the tunnel that it does', async () => {
    const { tunnel } = await lab.counts();
    await lab.inject(intoTheTunnel(CLIENT_MAC));
    await until(async () => (await lab.counts()).tunnel - tunnel >= 20, 'answers in the tunnel');
  });

  test('case 8: its packets to the endpoint shrink to fragments, and then go elsewhere', async () => {
    const port = Number((await client.run('wg show tun0 listen-port')).output);
    const forged = aboutTheTunnel(CLIENT_MAC, port);
    await lab.inject([fragmentationNeeded(forged, TINY_MTU)]);
    await shows(`ip route get ${LAB.endpoint.address}`, `mtu ${TINY_MTU}`);
    const { foreign } = await lab.counts();
    await client.run(`ping -c 1 -W 1 -s 1200 ${LAB.site}`);
    await until(async () => (await lab.counts()).foreign - foreign >= 2, 'fragments');
    await until(async () => {
      await lab.inject(elsewhere(forged, CLIENT_MAC));
      return (await client.run(`ip route get ${LAB.endpoint.address}`)).output.includes(`via ${ELSEWHERE}`);
    }, 'another next hop');
  });
});

describe('a gateway, the guard taken away', () => {
  let gate: WiredGate;
  beforeAll(async () => {
    await admitClient(lab, LINKS.probe.guest);
    gate = await openWiredGate(lab, GUARDS.open);
  }, BOOT_MS);
  afterAll(() => gate?.stop());

  const open = async () => {
    await gate.load();
    await gate.control.lease(['probe0']);
  };
  beforeEach(open);

  const mac = LINKS.uplink.mac;
  const uplinkOf = (counts: Awaited<ReturnType<typeof look>>) => counts.links.find(({ ifname }) => ifname === 'up0');
  const look = async () => {
    await gate.station.reach(REACH_MS);
    return gate.control.counts();
  };

  /** What the gateway makes of frames on its uplink, all of which it has seen by then. */
  async function strike(frames: readonly Buffer[], alsoFromLink: readonly Buffer[] = []) {
    const before = await look();
    await lab.resetCounts();
    const replies = gate.station.watch();
    for (const frame of alsoFromLink) gate.station.send(frame);
    await lab.inject(frames);
    const arrived = async () => (uplinkOf(await look())?.rxPackets ?? 0) - (uplinkOf(before)?.rxPackets ?? 0);
    await until(async () => (await arrived()) >= frames.length, 'the gateway did not see the frames');
    const after = await look();
    const rise = (name: string) => (after.counters[name]?.packets ?? 0) - (before.counters[name]?.packets ?? 0);
    const { foreign } = await lab.counts();
    const [dropped, input, output] = ['dropped_prerouting', 'dropped_input', 'dropped_output'].map(rise);
    return { foreign, toTunnel: rise('to_tunnel'), dropped, input, output, replies: replies() };
  }

  const routing = async () => {
    const { rules4, rules6, routes4, routes6, disableIpv6 } = await gate.control.facts();
    return { rules4, rules6, routes4, routes6, disableIpv6 };
  };
  /** A round trip through the tunnel. */
  const ask = async () => {
    await gate.control.lease(['probe0']);
    const name = `${newToken().digits}.${LAB.siteName}`;
    const { reply } = await gate.station.ask(name, REACH_MS, new AbortController().signal);
    return reply !== undefined;
  };

  test('case 6: no address, no route, no word of IPv6, whichever side it comes from', async () => {
    const before = await routing();
    const guest: Router6 = { mac: LINKS.probe.guestMac, address: 'fe80000000000000505401fffe000001' };
    expect(await strike(IPV6(), IPV6(guest))).toMatchObject({ foreign: 0, toTunnel: 0, replies: [] });
    expect(await routing()).toEqual(before);
    expect(before).toMatchObject({ disableIpv6: { up0: true, probe0: true, work0: true } });
    expect(await ask()).toBe(true);
  });

  test('case 8: next hop and packet size stay', async () => {
    const before = await routing();
    const { tunnel: known } = await gate.control.counts();
    const tunnelPort = known?.kind === 'wireguard' ? known.listenPort : 0;
    const forged = aboutTheTunnel(mac, tunnelPort);
    const { guest, gateway } = LINKS.probe;
    const fromLink = {
      hop: gate.station.hop,
      source: guest,
      about: { source: gateway, destination: guest, sourcePort: 53, destinationPort: 40_000 },
    };
    const frames = [fragmentationNeeded(forged, TINY_MTU), ...elsewhere(forged, mac)];
    const links = [fragmentationNeeded(fromLink, TINY_MTU), icmpRedirect(fromLink, ELSEWHERE)];
    expect(await strike(frames, links)).toMatchObject({ foreign: 0, dropped: 3, input: 2, replies: [] });
    expect(await routing()).toEqual(before);
    // Packets as large as the tunnel takes still leave in one piece, by the same hop.
    await gate.control.lease(['probe0']);
    const { tunnel } = await lab.counts();
    const large = { source: guest, destination: LAB.site, sourcePort: 33_001, destinationPort: 9 };
    for (let sent = 0; sent < 20; sent += 1) gate.station.send(udpFrame(gate.station.hop, large, Buffer.alloc(1_200)));
    await until(async () => (await lab.counts()).tunnel - tunnel >= 20, 'large packets in the tunnel');
    expect((await lab.counts()).foreign).toBe(0);
    const asked = buildArpRequest({ mac, address: UPLINK.address }, ELSEWHERE);
    expect((await lab.capture('all')).includes(asked.subarray(14, 42))).toBe(false);
    expect(await ask()).toBe(true);
  });

  test('case 10, anti-test: without the rule on the uplink it wants to answer, and its own packets are all that is left to stop', async () => {
    await gate.load('uplink-input');
    const frames = intoTheTunnel(mac);
    const { dropped, output } = await strike(frames);
    expect(dropped).toBe(0);
    expect(output).toBeGreaterThanOrEqual(frames.length);
  });

  test('case 10: nothing to see, nothing delivered, nothing answered', async () => {
    const { guest, gateway } = LINKS.probe;
    // A flow of the link's own, so that there is something to hit.
    const flow = { source: guest, destination: LAB.inside, sourcePort: 41_234 };
    await until(async () => {
      const replies = gate.station.watch();
      gate.station.send(dnsQueryFrame(gate.station.hop, flow, { id: 1, name: LAB.siteName }));
      await look();
      return replies().some((reply) => reply.includes(`${LAB.inside}:53 >`));
    }, 'an answer to the flow itself');
    const back = { source: LAB.inside, destination: LAB.client, sourcePort: 53, destinationPort: 41_234 };
    const own = { source: guest, destination: LAB.site, sourcePort: 41_234, destinationPort: 9 };
    const frames = [
      ...intoTheTunnel(mac),
      udpFrame(hopTo(mac), back, Buffer.from('forged')),
      // The source claims to be the link's machine (QSB-056), or the gateway on its link.
      udpFrame(hopTo(mac), own, Buffer.from('forged')),
      udpFrame(hopTo(mac), { ...own, source: gateway, destination: guest }, Buffer.from('forged')),
    ];
    expect(await strike(frames)).toMatchObject({
      foreign: 0,
      toTunnel: 0,
      dropped: frames.length,
      output: 0,
      replies: [],
    });
  });
});
