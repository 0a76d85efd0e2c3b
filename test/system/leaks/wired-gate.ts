/**
 * A gateway and a guard on the lab's wire, without a supervisor: the test loads rulesets, gives leases and chooses the
 * guard, one defence at a time. The lab sees every frame that leaves.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { type LinkPlan, planLinks } from '../../../src/core/link-plan.ts';
import { compileNft, type Defence, type EgressPolicy, renderNft } from '../../../src/core/policy/index.ts';
import type { GatewayControl } from '../../../src/gateway/index.ts';
import { type Guard, startGuard } from '../../../src/guard/index.ts';
import { wallMs } from '../../../src/host/index.ts';
import type { CpioEntry } from '../../../src/image/index.ts';
import { LAB, type Lab } from '../../../src/lab/index.ts';
import { probeStand } from '../../../src/verify/index.ts';
import type { ProbeStation } from '../../../src/verify/probe/station.ts';
import { planWireGuard } from '../../../src/vpn/index.ts';
import { buildProgram } from '../../unit/guard/build.ts';
import { bootGateway, controlOf } from '../gateway/booted-gateway.ts';
import { ownedRuleset } from './owned-ruleset.ts';

export const UPLINK = { kind: 'static', address: '192.168.77.50', prefixLength: 24, nextHop: LAB.router } as const;
/** Two work links, so that there is a neighbour to reach, and the probe link. */
export const LINKS: LinkPlan = planLinks(['dev', 'other'], UPLINK, [], 0x1eaf);
/** The guard as it is, and the one that takes every frame for an allowed one. */
export const GUARDS = { judging: 'src/guard/main.ts', open: 'src/lab/guard-open.ts' } as const;

const LOCAL_PORT = 40_001;
const MARK = 0x766d;
const ARM_MS = 4_500;
const REACH_MS = 10_000;

export interface WiredGate {
  readonly control: GatewayControl;
  readonly guard: Guard;
  readonly station: ProbeStation;
  /** Where the wire of a work link ends: the gateway's path, and the one a work VM would bind. */
  wireOf(ifname: string): { readonly gatewayPath: string; readonly guestPath: string };
  /** Loads the policy's ruleset, without some of its defences. Every lease is gone then. */
  load(...removed: readonly Defence[]): Promise<void>;
  /** Makes the tunnel anew. */
  connect(): Promise<void>;
  /** Loads the policy's ruleset and more of nft's JSON commands after it. */
  loadWith(more: readonly unknown[]): Promise<void>;
  /** Loads a taken-over gateway's. */
  loadOwned(): Promise<void>;
  /** What the gateway's firewall is held to. */
  readonly policy: EgressPolicy;
  /** `false`: whoever keeps the guard armed is gone; its deadline passes. */
  heartbeat(beats: boolean): void;
  stop(): Promise<void>;
}

/** Boots a gateway and connects its tunnel; whatever stood on the lab's wire before must be gone. */
export async function openWiredGate(
  lab: Lab,
  guardEntry: string,
  files: readonly CpioEntry[] = [],
): Promise<WiredGate> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'vmg-leak-'));
  const undo: (() => unknown)[] = [() => rm(folder, { recursive: true, force: true })];
  const stop = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const closed = policyOf(lab);
    const bootRuleset = renderNft(compileNft({ ...closed, endpoints: [], tunnel: undefined }));
    const booted = await bootGateway(bootRuleset, { links: LINKS, uplink: lab.uplink, files });
    undo.push(booted.stop);
    const guard = await startGuard({
      setup: { ...booted.gateway.guardSockets, evidence: path.join(folder, 'evidence'), evidenceMaxBytes: 1_048_576 },
      uplink: closed.uplink,
      entry: await buildProgram(guardEntry),
    });
    undo.push(() => guard.kill());
    const control = await controlOf(booted);
    undo.push(() => control.close());
    const profile = planWireGuard(lab.profile, 'lab.conf', { split: false, dns: [] });
    const { routes, resolvers, mtu } = profile.plan;
    const tunnel = { ifname: 'tun0', routes, resolvers, localPort: LOCAL_PORT, mark: MARK, mtu };
    const policy: EgressPolicy = { ...closed, tunnel };
    guard.setPolicy(policy.uplink, policy.endpoints, tunnel);
    guard.arm(1, ARM_MS);
    let beats = true;
    const arm = () => {
      if (beats) guard.arm(1, ARM_MS);
    };
    const timer = setInterval(arm, 1_000);
    undo.push(() => clearInterval(timer));
    const heartbeat = (wanted: boolean) => {
      beats = wanted;
      arm();
    };
    const load = (...removed: readonly Defence[]) =>
      control.apply(renderNft(compileNft(policy, lab.pass({ removedDefences: [...removed] }).removedDefences)));
    await control.setClock(wallMs());
    await load();
    const connect = () => control.tunnel(profile.plan, profile.secrets, lab.endpoint, policy);
    await connect();
    const stand = probeStand(() => booted.gateway.openProbe(), LINKS.probe);
    undo.push(() => stand.close());
    const station = await stand.open(REACH_MS);
    const wireOf = (ifname: string) => ({
      gatewayPath: path.join(booted.folder, `${ifname}.g`),
      guestPath: path.join(booted.folder, `${ifname}.v`),
    });
    const loadWith = (more: readonly unknown[]) =>
      control.apply(JSON.stringify({ nftables: [...compileNft(policy).nftables, ...more] }));
    const loadOwned = () => control.apply(ownedRuleset(policy));
    return { control, guard, station, wireOf, load, loadWith, connect, loadOwned, policy, heartbeat, stop };
  } catch (cause) {
    await stop();
    throw cause;
  }
}

function policyOf(lab: Lab): EgressPolicy {
  return {
    uplink: { mac: LINKS.uplink.mac, address: UPLINK.address, nextHop: UPLINK.nextHop, dhcp: false },
    endpoints: [{ ...lab.endpoint, protocol: 'udp', shape: 'wireguard' }],
    links: [...LINKS.work, LINKS.probe],
    tunnel: undefined,
  };
}
