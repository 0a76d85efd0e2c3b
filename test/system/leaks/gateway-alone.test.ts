/**
 * What the gateway's own kernel goes on doing while nobody asks it: its lease counts guest time, and a flowtable forwards
 * past the chain that looks at leases. Both are true here, and stopped elsewhere.
 *
 * @leakCase 43 wire: a gateway that asks the network for an address sends no name with it
 * @leakCase 45 wire: no flowtable: one that an owned gateway adds is refuted, and a closing gate ends what flows on it
 * @leakCase 65 wire: paused by QMP past its lease and resumed: its kernel forwards, nothing leaves until the guard is armed
 */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { rulesetCheck } from '../../../src/core/checks/ruleset.ts';
import { compareRulesets, compileNft } from '../../../src/core/policy/index.ts';
import { Machine } from '../../../src/drivers/qemu/machine.ts';
import { dnsQueryFrame } from '../../../src/frame/index.ts';
import { wallMs } from '../../../src/host/index.ts';
import { LAB, type Lab } from '../../../src/lab/index.ts';
import { newToken } from '../../../src/verify/token.ts';
import { testUnless } from '../../obstacle.ts';
import { askForAddress } from './asking-gateway.ts';
import { isMadeUp, judgeIdle } from './idle-uplink.ts';
import { modulesBeside } from './more-modules.ts';
import { openLab, until } from './volley.ts';
import { GUARDS, LINKS, openWiredGate, type WiredGate } from './wired-gate.ts';

jest.setTimeout(90_000);
const BOOT_MS = 300_000;
const REACH_MS = 20_000;
/** A lease is worth 15 s (P5). SSH would take a gateway for gone after 20 s of silence. */
const PAUSE_MS = 15_500;
const FAST_PATH = ['nf_flow_table', 'nf_flow_table_inet', 'nft_flow_offload'];

let asked: Awaited<ReturnType<typeof askForAddress>>;
let dhcpFrames: number;
let lab: Lab;
let closeLab: () => Promise<void>;
let gate: WiredGate;
let machine: Machine;
const modules = await modulesBeside(FAST_PATH);
const withModules = testUnless(
  modules === undefined ? 'the packages the gateway was built from are not in the cache' : undefined,
  'case 45 with a flowtable',
);
beforeAll(async () => {
  ({ lab, close: closeLab } = await openLab());
  asked = await askForAddress(lab);
  dhcpFrames = (await lab.counts()).dhcp;
  const launch = jest.spyOn(Machine, 'launch');
  gate = await openWiredGate(lab, GUARDS.judging, modules);
  machine = await (launch.mock.results.at(-1)?.value as Promise<Machine>);
}, BOOT_MS);
afterAll(async () => {
  await gate?.stop();
  await closeLab?.();
});

test('case 43: asking for an address: no name, no vendor, nothing but DHCP and ARP', async () => {
  const { frames, wrong } = judgeIdle(asked.pcap, asked.gateway);
  expect(wrong).toEqual([]);
  expect(dhcpFrames).toBeGreaterThanOrEqual(2);
  expect(frames).toBeGreaterThanOrEqual(dhcpFrames);
  expect(isMadeUp(asked.gateway.mac)).toBe(true);
});

test('case 43, anti-test: the same frames with a name in the place of a wish', () => {
  // Option 55, the list of wishes, becomes option 12, the host's name.
  const named = Buffer.from(asked.pcap.toString('hex').replaceAll('37020103', '0c020103'), 'hex');
  expect(judgeIdle(named, asked.gateway).wrong.join('\n')).toContain('DHCP option 12');
});

/** A question from the probe link to the resolver inside the tunnel, past the gateway's own; the name is its mark. */
function question(sourcePort: number): { readonly name: string; send(): void; arrived(): Promise<boolean> } {
  const name = `${newToken().digits}.example`;
  const flow = { source: LINKS.probe.guest, destination: LAB.inside, sourcePort };
  return {
    name,
    send: () => gate.station.send(dnsQueryFrame(gate.station.hop, flow, { id: 7, name })),
    arrived: async () => (await lab.dnsLog('vpn')).some((asked) => asked.name === name),
  };
}

/** Sent once; the gateway has looked at it. */
async function ask(sourcePort: number) {
  const asked = question(sourcePort);
  asked.send();
  await gate.station.reach(REACH_MS);
  return asked;
}

const toTunnel = async () => (await gate.control.counts()).counters['probe_to_tunnel']?.packets ?? 0;
const heldByGuard = async () => (await gate.guard.sync()).counts.held;

describe('paused by QMP for longer than a lease, then resumed', () => {
  const port = 31_065;

  test('case 65, anti-test: until then its traffic flows', async () => {
    await gate.load();
    await gate.control.lease(['probe0']);
    const before = await ask(port);
    await until(before.arrived, 'the question never arrived');
  });

  test('case 65: nothing leaves, though its lease is alive and its kernel forwards', async () => {
    await gate.control.lease(['probe0']);
    await lab.resetCounts();
    const [forwarded, held] = [await toTunnel(), await heldByGuard()];
    // Whoever pauses a gateway pauses, in earnest, the whole host: nobody arms the guard meanwhile either.
    gate.heartbeat(false);
    await machine.qmp.execute('stop');
    await delay(PAUSE_MS);
    await machine.qmp.execute('cont');
    const late = await ask(port);
    const { leases } = await gate.control.counts();
    expect(leases).toEqual([{ ifname: 'probe0', expiresMs: expect.any(Number) }]);
    expect(await toTunnel()).toBeGreaterThan(forwarded);
    await until(async () => (await heldByGuard()) > held, 'the guard held nothing back');
    expect(await lab.counts()).toMatchObject({ tunnel: 0, foreign: 0 });
    expect(await late.arrived()).toBe(false);
  });

  test('case 65, anti-test: with the guard armed again and nothing verified, the old lease lets it out', async () => {
    gate.heartbeat(true);
    const again = await ask(port);
    await until(again.arrived, 'the question never arrived');
  });
});

describe('a fast path past the forward chain', () => {
  const own = { family: 'inet', table: 'vmgate' } as const;
  const flowtable = { ...own, name: 'fast', hook: 'ingress', prio: 0, dev: ['probe0', 'tun0'] };
  const offload = { ...own, chain: 'forward', expr: [{ flow: { op: 'add', flowtable: '@fast' } }] };
  const tampering = [{ add: { flowtable } }, { insert: { rule: offload } }];

  test('case 45: the policy has none', async () => {
    await gate.load();
    expect(JSON.stringify(compileNft(gate.policy))).not.toMatch(/flowtable|"flow"|offload/);
    const listed = JSON.stringify((await gate.control.facts()).ruleset);
    expect(listed).not.toMatch(/flowtable|"flow"|offload/);
  });

  withModules('case 45: the image has no module for one', () => {
    const beside = (modules ?? []).map((entry) => entry.path).filter((file) => file.endsWith('.ko'));
    for (const name of FAST_PATH) expect(beside).toContainEqual(expect.stringMatching(new RegExp(`/${name}\\.ko$`)));
  });

  describe('whose modules an owned gateway brought along', () => {
    /** Has the flow of `port` answered until the kernel takes it for established. */
    async function established(port: number): Promise<void> {
      for (let round = 0; round < 3; round += 1) {
        const asked = await ask(port);
        await until(asked.arrived, 'the question never arrived');
      }
    }

    withModules('case 45: is refuted by the ruleset check', async () => {
      await gate.loadWith(tampering);
      const askedMs = wallMs();
      const facts = await gate.control.facts();
      const snapshot = { facts, askedMs, answeredMs: wallMs() };
      const opinion = rulesetCheck.judge({ policy: gate.policy, snapshot, leased: ['probe0'] });
      expect(opinion).toMatchObject({ outcome: 'refuted' });
      expect(compareRulesets(compileNft(gate.policy), facts.ruleset).join('\n')).toMatch(
        /flowtable inet vmgate fast: not ours/,
      );
    });

    withModules('case 45, anti-test: an established flow outlives its lease on it', async () => {
      await gate.control.lease(['probe0']);
      await established(31_045);
      await gate.control.lease([]);
      const after = await ask(31_045);
      await until(after.arrived, 'the fast path forwarded nothing');
    });

    withModules('case 45: the closing order ends it: connection tracking is flushed', async () => {
      await gate.control.unlease();
      const after = await ask(31_045);
      expect(await after.arrived()).toBe(false);
    });

    test('case 45: and without it the flow ends with its lease', async () => {
      await gate.load();
      await gate.control.lease(['probe0']);
      await established(31_046);
      await gate.control.lease([]);
      const after = await ask(31_046);
      expect(await after.arrived()).toBe(false);
    });
  });
});
