/**
 * Flows that are under way while something changes: the firewall is loaded anew, a lease ends, the tunnel goes. The guard is
 * taken away: what holds here, the gateway holds alone, and the lab sees what does not.
 *
 * @leakCase 18 wire: the firewall loaded again and again under a flood without a lease: no packet gets into the tunnel or out
 * @leakCase 29 wire: an established TCP flow and a UDP flow die with the tunnel, they do not take another way
 * @leakCase 46 wire: an entry of connection tracking from before a new policy, or before a close, helps nobody after it
 */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { dnsQueryFrame } from '../../../src/frame/index.ts';
import { LAB, type Lab } from '../../../src/lab/index.ts';
import { newToken } from '../../../src/verify/token.ts';
import { LinkHost } from './link-host.ts';
import { admitClient, openLab, until } from './volley.ts';
import { GUARDS, LINKS, openWiredGate, type WiredGate } from './wired-gate.ts';

jest.setTimeout(90_000);
const BOOT_MS = 300_000;
const REACH_MS = 20_000;
const [link = LINKS.probe] = LINKS.work;
const FLUSH = JSON.stringify({ nftables: [{ flush: { ruleset: null } }] });
const RELOADS = 30;

let lab: Lab;
let closeLab: () => Promise<void>;
let gate: WiredGate;
let host: LinkHost;
beforeAll(async () => {
  ({ lab, close: closeLab } = await openLab());
  await admitClient(lab, LINKS.probe.guest, link.guest);
  gate = await openWiredGate(lab, GUARDS.open);
  host = await LinkHost.on(gate.wireOf(link.ifname), link);
}, BOOT_MS);
afterAll(async () => {
  await host?.close();
  await gate?.stop();
  await closeLab?.();
});

beforeEach(async () => {
  await gate.control.unlease();
  await gate.load();
  await lab.resetCounts();
});

const lease = (...ifnames: readonly string[]) => gate.control.lease(ifnames);
const inTunnel = async () => (await gate.control.counts()).counters['to_tunnel']?.packets ?? 0;
const fromTunnel = async () => {
  const { links } = await gate.control.counts();
  return links.find(({ ifname }) => ifname === 'tun0')?.rxPackets ?? 0;
};

/** A download under a lease, well under way. */
async function downloading(): Promise<void> {
  await lease(link.ifname);
  await host.download();
}

async function goesOn(): Promise<void> {
  const before = host.received;
  await until(() => host.received > before, 'nothing more arrived');
}

/** The server's next segments have arrived at the gateway and no further. */
async function isHeldBack(): Promise<void> {
  await host.barrier();
  const [received, segments] = [host.received, await fromTunnel()];
  await until(async () => (await fromTunnel()) - segments >= 2, 'the server sent nothing again');
  await host.barrier();
  expect(host.received).toBe(received);
}

/** Speaks on both flows for a while; whether the lab saw either in clear. */
async function speak(): Promise<{ readonly datagram: boolean; readonly bytes: boolean }> {
  const [datagram, bytes] = [newToken().digits, newToken().digits];
  for (let round = 0; round < 10; round += 1) {
    host.say(datagram, bytes);
    await host.barrier();
  }
  const seen = async (mark: string) => (await lab.framesWith(Buffer.from(mark))) > 0;
  return { datagram: await seen(datagram), bytes: await seen(bytes) };
}

describe('case 46: what connection tracking remembers', () => {
  test('anti-test: with a shortcut for established flows, one outlives its lease', async () => {
    await gate.load('no-shortcut');
    await downloading();
    await lease();
    await goesOn();
  });

  test('a new policy ends the flow at once, both ways', async () => {
    await downloading();
    await gate.load();
    const before = await inTunnel();
    await isHeldBack();
    expect(await inTunnel()).toBe(before);
  });

  test('anti-test: not forgotten, it lets the server in again under the next lease', async () => {
    await downloading();
    host.fallSilent();
    await gate.load();
    await isHeldBack();
    await lease(link.ifname);
    await goesOn();
  });

  test('forgotten, as in each close, it does not, under the next lease either', async () => {
    await downloading();
    host.fallSilent();
    await gate.control.unlease();
    await lease(link.ifname);
    await isHeldBack();
  });
});

describe('case 29: the tunnel goes under flows', () => {
  test('they die with it, and stay dead when it is back without a lease', async () => {
    await downloading();
    await gate.control.untunnel();
    const received = host.received;
    expect(await speak()).toEqual({ datagram: false, bytes: false });
    await lease();
    await gate.connect();
    const before = await inTunnel();
    expect(await speak()).toEqual({ datagram: false, bytes: false });
    expect(await inTunnel()).toBe(before);
    expect(host.received).toBe(received);
    expect((await lab.counts()).foreign).toBe(0);
  });

  test('a server that falls silent changes nothing about where they go', async () => {
    await downloading();
    await lab.fault('tunnel-silent', true);
    expect(await speak()).toEqual({ datagram: false, bytes: false });
    await lab.fault('tunnel-silent', false);
    expect((await lab.counts()).foreign).toBe(0);
  });

  test('anti-test: a gateway that has another way takes it, and the lab sees both', async () => {
    await downloading();
    await gate.control.untunnel();
    await gate.loadOwned();
    expect(await speak()).toEqual({ datagram: true, bytes: true });
    await gate.connect();
  });
});

describe('case 18: loaded again and again under a flood', () => {
  /** @returns how many of the questions were tried, and how many reached the resolver inside the tunnel */
  async function underFlood(reloads: number, reload: () => Promise<void>) {
    const { digits } = newToken();
    const name = `${digits}.example`;
    const flow = { source: LINKS.probe.guest, destination: LAB.inside };
    let tried = 0;
    let over = false;
    const flood = async () => {
      while (!over) {
        for (let burst = 0; burst < 3; burst += 1) {
          tried += 1;
          const question = { ...flow, sourcePort: 25_000 + (tried % 10_000) };
          gate.station.send(dnsQueryFrame(gate.station.hop, question, { id: tried & 0xffff, name }));
        }
        await delay(10);
      }
    };
    const flooding = flood();
    try {
      for (let count = 0; count < reloads; count += 1) await reload();
    } finally {
      over = true;
      await flooding;
    }
    await gate.station.reach(REACH_MS);
    const asked = (await lab.dnsLog('vpn')).filter((query) => query.name === name);
    return { tried, asked: asked.length, inClear: await lab.framesWith(Buffer.from(digits)) };
  }

  test('anti-test: flushed first and loaded then, as two steps, it lets questions through', async () => {
    const { asked } = await underFlood(4, async () => {
      await gate.control.apply(FLUSH);
      await gate.load();
    });
    expect(asked).toBeGreaterThan(0);
  });

  test('as one transaction it lets none through', async () => {
    const { tried, ...through } = await underFlood(RELOADS, () => gate.load());
    process.stderr.write(`case 18: ${tried} packets tried during ${RELOADS} reloads\n`);
    expect(tried).toBeGreaterThan(RELOADS);
    expect(through).toEqual({ asked: 0, inClear: 0 });
    expect((await lab.counts()).foreign).toBe(0);
  });
});
