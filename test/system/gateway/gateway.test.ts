/** The gateway guest and its control channel, booted for real. */

import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { compareRulesets, compileNft, type EgressPolicy, renderNft } from '../../../src/core/policy/index.ts';
import type { ProbeWire } from '../../../src/drivers/index.ts';
import {
  BROADCAST_MAC,
  buildDhcpClient,
  DHCP_TYPES,
  type DhcpMessage,
  type DnsMessage,
  dnsQueryFrame,
  parseDhcp,
  parseDns,
  parseEthernet,
  parseIpv4,
  parseUdp,
  udpFrame,
} from '../../../src/frame/index.ts';
import type { GatewayControl } from '../../../src/gateway/index.ts';
import type { TunnelPlan, TunnelSecrets } from '../../../src/vpn/index.ts';
import { type Booted, bootGateway, bootPolicy, controlOf, plan } from './booted-gateway.ts';

jest.setTimeout(180_000);

const PRIVATE_KEY = Buffer.alloc(32, 7).toString('base64');
const PRESHARED_KEY = Buffer.alloc(32, 5).toString('base64');
const PEER = Buffer.alloc(32, 9).toString('base64');
const ENDPOINT = { address: '192.0.2.9', port: 51_820 };

const tunnelPolicy: EgressPolicy = {
  ...bootPolicy,
  endpoints: [{ ...ENDPOINT, protocol: 'udp', shape: 'wireguard' }],
  tunnel: { ifname: 'tun0', routes: ['0.0.0.0/0'], resolvers: ['10.64.0.1'], localPort: 51_821, mark: 0x766d },
};
const tunnelPlan: TunnelPlan = {
  kind: 'wireguard',
  alternatives: [],
  assigned: false,
  endpoint: { host: ENDPOINT.address, port: ENDPOINT.port, protocol: 'udp', shape: 'wireguard' },
  peerIdentity: PEER,
  addresses: ['10.64.0.2/32'],
  routes: ['0.0.0.0/0'],
  split: false,
  resolvers: ['10.64.0.1'],
  searchDomains: ['corp.example'],
  mtu: 1_420,
};
const secrets: TunnelSecrets = {
  kind: 'wireguard',
  withCode: () => secrets,
  reveal: (pinned, localPort, mark) =>
    [
      '[Interface]',
      `PrivateKey = ${PRIVATE_KEY}`,
      `ListenPort = ${localPort}`,
      `FwMark = ${mark}`,
      '[Peer]',
      `PublicKey = ${PEER}`,
      `PresharedKey = ${PRESHARED_KEY}`,
      `Endpoint = ${pinned.address}:${pinned.port}`,
      'AllowedIPs = 0.0.0.0/0',
      '',
    ].join('\n'),
};

let booted: Booted;
let control: GatewayControl;

beforeAll(async () => {
  booted = await bootGateway();
  control = await controlOf(booted);
});
afterAll(async () => {
  control?.close();
  await booted?.stop();
});

test('answers, and says of which layers it is made', async () => {
  const hello = await control.hello();
  expect(hello.layers).toEqual(['base', 'wireguard']);
  expect(hello.uptimeMs).toBeGreaterThan(0);
  expect(await control.uplink()).toEqual({ v: 1, address: '10.0.2.15', prefixLength: 24, nextHop: '10.0.2.2' });
});

test('is closed: the boot ruleset and nothing else, no IPv6, no way out but the marked one', async () => {
  const facts = await control.facts();
  expect(compareRulesets(compileNft(bootPolicy), facts.ruleset)).toEqual([]);
  expect(facts.leases).toEqual([]);
  expect(facts.tunnel).toBeNull();
  expect(facts.uplink).toEqual({ address: '10.0.2.15', prefixLength: 24, nextHop: '10.0.2.2', routeOptions: [] });
  expect(facts.ipForward).toBe(true);
  expect(facts.disableIpv6).toEqual({ lo: true, up0: true, work0: true, probe0: true });
  expect(facts.links.map(({ ifname, mac }) => [ifname, mac])).toEqual([
    ['lo', '00:00:00:00:00:00'],
    ['probe0', plan.probe.gatewayMac],
    ['up0', plan.uplink.mac],
    ['work0', plan.work[0]?.gatewayMac],
  ]);
  expect(facts.routes6).toEqual([]);
  const ways = facts.routes4.filter((route) => (route as { dst: string }).dst === 'default');
  expect(ways).toEqual([expect.objectContaining({ dev: 'up0', table: '51', gateway: '10.0.2.2' })]);
  expect(facts.rules4).toContainEqual(expect.objectContaining({ fwmark: '0x766d', table: '51' }));
});

test('the guest clock is set where it is off, and else left alone', async () => {
  const ahead = async () => (await control.facts()).epochMs - Date.now();
  await control.setClock(Date.now() - 3_600_000);
  expect(await ahead()).toBeLessThan(-3_500_000);
  await control.setClock(Date.now());
  const before = await ahead();
  expect(Math.abs(before)).toBeLessThan(1_000);
  await control.setClock(Date.now() + 400);
  expect(Math.abs((await ahead()) - before)).toBeLessThan(300);
});

test('refuses what is no ruleset and keeps the one it has', async () => {
  await expect(control.apply('{"nftables":[{"flush":{"ruleset":null}},{"add":{"bogus":1}}]}')).rejects.toMatchObject({
    code: 'GATEWAY_VERB_FAILED',
    payload: { verb: 'apply', step: 'nft' },
  });
  expect(compareRulesets(compileNft(bootPolicy), (await control.facts()).ruleset)).toEqual([]);
});

describe('the tunnel', () => {
  test('stands as planned, the second time too', async () => {
    await control.apply(renderNft(compileNft(tunnelPolicy)));
    for (const _ of [1, 2]) await control.tunnel(tunnelPlan, secrets, ENDPOINT, tunnelPolicy);
    const facts = await control.facts();
    expect(compareRulesets(compileNft(tunnelPolicy), facts.ruleset)).toEqual([]);
    expect(facts.tunnel).toMatchObject({
      listenPort: 51_821,
      mark: 0x766d,
      peers: [{ publicKey: PEER, endpoint: '192.0.2.9:51820', latestHandshakeMs: 0, allowedIps: ['0.0.0.0/0'] }],
    });
    expect(facts.resolvers).toEqual(['10.64.0.1']);
    const inMain = facts.routes4.filter((route) => !('table' in (route as object)));
    expect(inMain).toContainEqual(expect.objectContaining({ dst: 'default', dev: 'tun0' }));
    expect(JSON.stringify(inMain)).not.toContain('up0');
  });

  test('its keys come back in nothing the gateway says', async () => {
    const said = JSON.stringify(await control.facts()) + (await control.logs());
    expect(said).not.toContain(PRIVATE_KEY);
    expect(said).not.toContain(PRESHARED_KEY);
  });

  test('with a key that wg refuses: not quoted, and no half a tunnel', async () => {
    const broken: TunnelSecrets = {
      kind: 'wireguard',
      reveal: () => '[Interface]\nPrivateKey = c2VjcmV0IQ\n',
      withCode: () => broken,
    };
    const fault = await control.tunnel(tunnelPlan, broken, ENDPOINT, tunnelPolicy).catch((cause: unknown) => cause);
    expect(fault).toMatchObject({ code: 'GATEWAY_VERB_FAILED', payload: { verb: 'tunnel', step: 'wg setconf' } });
    expect(JSON.stringify(fault) + (await control.logs())).not.toContain('c2VjcmV0IQ');
    const facts = await control.facts();
    expect(facts.tunnel).toBeNull();
    expect(facts.resolvers).toEqual([]);
  });

  test('is gone after untunnel, which may be said twice', async () => {
    await control.tunnel(tunnelPlan, secrets, ENDPOINT, tunnelPolicy);
    await control.untunnel();
    await control.untunnel();
    const facts = await control.facts();
    expect(facts.tunnel).toBeNull();
    expect(facts.links.map(({ ifname }) => ifname)).not.toContain('tun0');
  });
});

test('anti-test of what judges the host’s connections: unjudged, one reaches the gateway’s own SSH server', async () => {
  const stream = await control.dial('127.0.0.1', 22);
  const [banner] = (await once(stream, 'data')) as [Buffer];
  stream.destroy();
  expect(banner.toString('latin1')).toMatch(/^SSH-2\.0-dropbear/);
});

describe('leases', () => {
  test('are refused to anything that is no link', async () => {
    await expect(control.lease(['up0'])).rejects.toMatchObject({ payload: { step: 'read names' } });
    await expect(control.lease(['work0" } ; flush ruleset'])).rejects.toMatchObject({
      payload: { step: 'read names' },
    });
  });

  test('hold for 30 s when renewed, each renewal giving all of 15 s again', async () => {
    const until = Date.now() + 30_000;
    let renewals = 0;
    while (Date.now() < until) {
      const { leases } = await control.lease(['work0', 'probe0']);
      expect(leases.map(({ ifname }) => ifname).sort()).toEqual(['probe0', 'work0']);
      for (const { expiresMs } of leases) expect(expiresMs).toBeGreaterThan(13_000);
      await setTimeout(4_000);
      const late = (await control.facts()).leases;
      expect(late).toHaveLength(2);
      // It runs down in between: what was read above is a renewal, not a lease without end.
      for (const { expiresMs } of late) expect(expiresMs).toBeLessThan(12_000);
      renewals++;
    }
    expect(renewals).toBeGreaterThan(5);
  });

  test('end for what is not asked for, by unlease, and by themselves', async () => {
    await control.lease(['work0', 'probe0']);
    const { leases } = await control.lease(['probe0']);
    expect(leases.map(({ ifname }) => ifname)).toEqual(['probe0']);
    await control.unlease();
    expect((await control.facts()).leases).toEqual([]);
    await control.lease(['work0']);
    await setTimeout(15_500);
    expect((await control.facts()).leases).toEqual([]);
  });
});

describe('on a link', () => {
  const { probe } = plan;
  const hop = { sourceMac: probe.guestMac, destinationMac: probe.gatewayMac };
  let wire: ProbeWire;
  const heard: Buffer[] = [];

  beforeAll(async () => {
    await control.apply(renderNft(compileNft(bootPolicy)));
    wire = await booted.gateway.openProbe();
    wire.onFrame((frame) => heard.push(frame));
  });
  afterAll(() => wire?.close());

  const datagrams = () =>
    heard.flatMap((frame) => {
      const packet = parseIpv4(parseEthernet(frame)?.payload ?? Buffer.alloc(0));
      const datagram = packet && parseUdp(packet.payload);
      return datagram === undefined ? [] : [datagram];
    });
  const offers = () =>
    datagrams().flatMap(({ sourcePort, payload }): DhcpMessage[] => {
      const message = sourcePort === 67 ? parseDhcp(payload) : undefined;
      return message === undefined ? [] : [message];
    });
  const answers = () =>
    datagrams().flatMap(({ sourcePort, payload }): DnsMessage[] => {
      const message = sourcePort === 53 ? parseDns(payload) : undefined;
      return message === undefined ? [] : [message];
    });

  function discover(mac: string, transaction: number): void {
    const flow = { source: '0.0.0.0', sourcePort: 68, destination: '255.255.255.255', destinationPort: 67 };
    const frameHop = { sourceMac: mac, destinationMac: BROADCAST_MAC };
    wire.send(udpFrame(frameHop, flow, buildDhcpClient({ type: DHCP_TYPES.discover, mac, transaction })));
  }

  function ask(id: number): void {
    wire.send(
      dnsQueryFrame(
        hop,
        { source: probe.guest, sourcePort: 4_000 + id, destination: probe.gateway },
        { id, name: 'nonce.example' },
      ),
    );
  }

  async function until(done: () => boolean): Promise<void> {
    const deadline = Date.now() + 15_000;
    while (!done()) {
      if (Date.now() > deadline) throw new Error('nothing came back');
      await setTimeout(20);
    }
  }

  test('the one machine gets the one address, with the gateway as router and resolver; another gets nothing', async () => {
    discover('52:54:00:00:00:99', 1);
    discover(probe.guestMac, 2);
    await until(() => offers().length > 0);
    const [offer, ...more] = offers();
    expect(more).toEqual([]);
    expect(offer).toMatchObject({ transaction: 2, yourAddress: probe.guest, clientMac: probe.guestMac });
    const option = (code: number) => offer?.options.find((one) => one.code === code)?.value.join('.');
    expect([option(3), option(6), option(54)]).toEqual([probe.gateway, probe.gateway, probe.gateway]);
  });

  test('DNS is answered under a lease only, and without a tunnel it refuses to look anything up', async () => {
    ask(1);
    await control.lease(['probe0']);
    ask(2);
    await until(() => answers().length > 0);
    await control.unlease();
    ask(3);
    // The barrier: what was sent before it has been judged when its answer is there.
    discover(probe.guestMac, 3);
    await until(() => offers().some(({ transaction }) => transaction === 3));
    const REFUSED = 5;
    expect(answers().map(({ id, code }) => [id, code])).toEqual([[2, REFUSED]]);
  });
});

test('a boot ruleset that does not load: the machine powers off and no card was ever up', async () => {
  const broken = await bootGateway('{"nftables":[{"add":{"bogus":{}}}]}');
  try {
    expect(await broken.gateway.ended).toMatchObject({ by: 'guest' });
  } finally {
    await broken.stop();
  }
});
