/**
 * What a link gives away, who is on it, and what gets in by it; each with the defence taken away first.
 *
 * @leakCase 33 wire: traceroute: the gateway does not name itself, the next hop is inside the tunnel
 * @leakCase 35 wire: another source on the link goes nowhere, not even into the tunnel
 * @leakCase 36 wire: the gateway's own addresses and other work VMs are not reached
 * @leakCase 37 wire: only the gateway is on the wire, the host is not, and without a lease no port answers
 * @leakCase 42 wire: from the VPN's side nothing arrives on a link, under a lease too
 * @leakCase 60 wire: a lease that ran out or was taken ends DNS, which is an exit
 */
import { isIPv4 } from 'node:net';
import os from 'node:os';
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { ETHER_TYPES, internetChecksum, parseEthernet, tcpSynFrame, udpFrame } from '../../../src/frame/index.ts';
import { LAB, type Lab } from '../../../src/lab/index.ts';
import { newToken } from '../../../src/verify/token.ts';
import { ATTEMPTS } from './attempts.ts';
import { fromTheProbe, openLab, until } from './volley.ts';
import { GUARDS, LINKS, openWiredGate, UPLINK, type WiredGate } from './wired-gate.ts';
import { link, neighbour, standOnWires, type WorkWires } from './work-wires.ts';

jest.setTimeout(120_000);
const BOOT_MS = 300_000;
const REACH_MS = 20_000;
const ANSWER_MS = 6_000;
const { guest, gateway } = LINKS.probe;
const SSH = 22;

let lab: Lab;
let closeLab: () => Promise<void>;
let gate: WiredGate;
beforeAll(async () => {
  ({ lab, close: closeLab } = await openLab());
  gate = await openWiredGate(lab, GUARDS.judging);
}, BOOT_MS);
afterAll(async () => {
  await gate?.stop();
  await closeLab?.();
});

/** The policy's ruleset and a lease for every link. */
async function open(): Promise<void> {
  await gate.load();
  await gate.control.lease(['probe0', 'work0', 'work1']);
}

/** What the gateway sends back to `frames`, in words. */
async function repliesTo(...frames: readonly Buffer[]): Promise<readonly string[]> {
  await gate.station.reach(REACH_MS);
  const replies = gate.station.watch();
  for (const frame of frames) gate.station.send(frame);
  await gate.station.reach(REACH_MS);
  return replies();
}

function withTtl(frame: Buffer, ttl: number): Buffer {
  const copy = Buffer.from(frame);
  copy.writeUInt8(ttl, 22);
  copy.writeUInt16BE(0, 24);
  copy.writeUInt16BE(internetChecksum(copy.subarray(14, 34)), 24);
  return copy;
}

describe('case 33: what a hop tells', () => {
  const probe = (ttl: number) =>
    withTtl(
      udpFrame(
        gate.station.hop,
        { source: guest, destination: LAB.site, sourcePort: 33_000, destinationPort: 33_434 },
        Buffer.from('trace'),
      ),
      ttl,
    );

  test('anti-test: a gateway without its ruleset names itself as a hop', async () => {
    await gate.loadOwned();
    expect((await repliesTo(probe(1))).join('\n')).toMatch(/^icmp .* type 11 /);
  });

  test('with it the first hop is silent and the next is inside the tunnel', async () => {
    await open();
    expect(await repliesTo(probe(1))).toEqual([]);
    let heard: readonly string[] = [];
    await until(async () => {
      const replies = gate.station.watch();
      gate.station.send(probe(2));
      await lab.counts();
      heard = replies();
      return heard.length > 0;
    }, 'no hop inside the tunnel answered');
    expect(heard.every((reply) => reply.startsWith(`icmp ${LAB.inside} > ${guest}, type 11`))).toBe(true);
  });
});

describe("case 36: the gateway's own addresses", () => {
  const targets = [UPLINK.address, LAB.client, gateway, ...LINKS.work.map((link) => link.gateway)];
  const syns = () =>
    targets.map((destination, index) => {
      const flow = { source: guest, destination, sourcePort: 21_000 + index, destinationPort: SSH };
      return tcpSynFrame(gate.station.hop, flow, 1);
    });

  test('anti-test: without its ruleset each answers, and so names itself', async () => {
    await gate.loadOwned();
    const replies = (await repliesTo(...syns())).join('\n');
    for (const target of [UPLINK.address, gateway]) expect(replies).toContain(`tcp ${target}:${SSH} > ${guest}`);
  });

  test('with it none does', async () => {
    await open();
    expect(await repliesTo(...syns())).toEqual([]);
  });
});

describe('case 35: another source on the link', () => {
  const others = ATTEMPTS.filter(({ name }) => /a source MAC of its own|a second address/.test(name));
  const claims = ATTEMPTS.filter(({ leakCase }) => leakCase === 35);

  test('anti-test: without the pinned source both go into the tunnel', async () => {
    await gate.load('source-pin');
    await gate.control.lease(['probe0']);
    const { counters } = await fromTheProbe(lab, gate, { attempts: others });
    expect(counters).toMatchObject({ probe_to_tunnel: others.length });
  });

  test('with it none of the claims goes anywhere', async () => {
    await open();
    const { counters } = await fromTheProbe(lab, gate, { attempts: claims });
    expect(counters).toMatchObject({ probe_to_tunnel: 0, dropped_prerouting: claims.length });
  });
});

describe('case 42: from the VPN side', () => {
  const ways = ['tcp', 'udp', 'ping'] as const;
  const arriving = async () => {
    const replies = gate.station.watch();
    for (const way of ways) await lab.connectIn(way, guest, SSH);
    await gate.station.reach(REACH_MS);
    return replies().filter((reply) => reply.includes(`> ${guest}`));
  };

  test('anti-test: without the ruleset everything arrives', async () => {
    await gate.loadOwned();
    await connectTunnel();
    const arrived = (await arriving()).join('\n');
    for (const protocol of ['tcp', 'udp', 'icmp']) expect(arrived).toContain(`${protocol} ${LAB.inside}`);
  });

  test('with it nothing does, under a lease', async () => {
    await open();
    await connectTunnel();
    await gate.control.lease(['probe0']);
    expect(await arriving()).toEqual([]);
  });

  /** The server learns by a packet where its client is. */
  async function connectTunnel(): Promise<void> {
    await gate.control.dial(LAB.inside, 53).then((stream) => stream.destroy());
  }
});

describe('case 60: DNS on a link whose lease ended', () => {
  const ask = async () => {
    const name = `${newToken().digits}.${LAB.siteName}`;
    const { reply } = await gate.station.ask(name, ANSWER_MS, new AbortController().signal);
    const asked = (await lab.dnsLog('vpn')).some((query) => query.name === name);
    return { answered: reply !== undefined, asked };
  };
  const yes = { answered: true, asked: true };
  const no = { answered: false, asked: false };

  test('anti-test: without the rule on leases it is answered for ever', async () => {
    await gate.load('lease');
    expect(await ask()).toEqual(yes);
  });

  test('a lease that runs out ends it', async () => {
    await gate.load();
    await gate.control.lease(['probe0']);
    expect(await ask()).toEqual(yes);
    await until(async () => (await gate.control.counts()).leases.length === 0, 'the lease did not run out');
    expect(await ask()).toEqual(no);
  });

  test('so does the end of one', async () => {
    await gate.control.lease(['probe0']);
    expect(await ask()).toEqual(yes);
    await gate.control.unlease();
    expect(await ask()).toEqual(no);
  });
});

describe("a work VM's wire", () => {
  let wires: WorkWires;
  beforeAll(async () => {
    wires = await standOnWires(gate);
  });
  afterAll(() => wires?.close());
  const forget = () => {
    wires.heard.length = 0;
    wires.atNeighbour.length = 0;
  };
  beforeEach(forget);

  test('case 36, anti-test: a gateway without its ruleset carries a frame to another work VM', async () => {
    await gate.loadOwned();
    const { digits } = newToken();
    wires.tellNeighbour(digits);
    await until(() => wires.atNeighbour.some((frame) => frame.includes(digits)), 'nothing arrived');
  });

  test('case 36: with it, not even under leases', async () => {
    await open();
    const { digits } = newToken();
    wires.tellNeighbour(digits);
    await wires.barrier();
    expect(wires.atNeighbour.filter((frame) => frame.includes(digits))).toEqual([]);
  });

  const ofHost = Object.values(os.networkInterfaces()).flatMap((found = []) => found.map(({ address }) => address));
  const packets = () => wires.heard.filter((frame) => frame.readUInt16BE(12) !== ETHER_TYPES.arp);

  test('case 37, anti-test: without its ruleset the gateway answers on the wire', async () => {
    await gate.loadOwned();
    wires.knock();
    await wires.barrier();
    expect(packets().length).toBeGreaterThan(10);
  });

  test('case 37: only the gateway is on the wire, and without a lease no port of it answers', async () => {
    await gate.load();
    // Behind it nothing of what was begun before comes any more.
    await wires.barrier();
    forget();
    const onLink = Array.from({ length: 6 }, (_, index) => link.gateway.replace(/\d+$/, `${index + 1}`));
    const elsewhere = [LAB.slirpHost, '10.0.2.3', LAB.router, UPLINK.address, LAB.client, LAB.inside];
    const all = [...onLink, ...elsewhere, neighbour.gateway, ...ofHost.filter((address) => isIPv4(address))];
    for (const address of all) wires.askWho(address);
    wires.knock();
    await wires.barrier();
    expect(new Set(wires.answers())).toEqual(new Set([link.gateway]));
    expect(packets()).toEqual([]);
    const senders = wires.heard.map((frame) => parseEthernet(frame)?.source);
    expect(new Set(senders)).toEqual(new Set([link.gatewayMac]));
  });

  test('case 37: the host has no address on it', () => {
    const pool = link.gateway.replace(/\d+\.\d+$/, '');
    expect(ofHost.filter((address) => address.startsWith(pool))).toEqual([]);
  });
});
