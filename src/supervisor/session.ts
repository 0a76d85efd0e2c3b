/** Runners that make and end a gateway process with its guard and control channel: the one recovery mechanism. */
import path from 'node:path';
import { type LoadedConfig, loadConfig } from '../config/index.ts';
import { VmgateError } from '../core/coded.ts';
import type { GateEvent } from '../core/gate/events.ts';
import { type LinkPlan, planLinks, USER_NETWORK } from '../core/link-plan.ts';
import { compileNft, type EgressPolicy, renderNft } from '../core/policy/index.ts';
import type { GatewayBoot, UplinkAttachment } from '../drivers/index.ts';
import { bootSettings } from '../gateway/index.ts';
import { emptyFolder } from '../home/index.ts';
import { monotonicMs } from '../host/index.ts';
import { assembleBoot, manifestDigest, requireImage } from '../image/index.ts';
import { claimKey, type KeyClaim, loadHops, loadProfile, type StoredProfile, type TunnelPlan } from '../vpn/index.ts';
import { cutShort, errors, events } from './codes.ts';
import { objectionToIpv6, withoutIpv6 } from './ipv6.ts';
import type { Runners } from './loop.ts';
import { resolverSettings } from './rights.ts';
import { wireOf } from './wires.ts';
import { macSeed, type Session, type World } from './world.ts';

const USER_UPLINK: UplinkAttachment = { kind: 'user' };
const GATEWAY_MIB = 160;
const CONTROL_MS = 60_000;
/** Two files of half of it each: docs/files-on-disk.md. */
export const EVIDENCE_BYTES = 64 * 1_048_576;
/** Below the guard's own limit of 5 s, so that a clock read a little later on its side is no reason to refuse. */
export const ARM_MS = 4_500;

export function sessionOf(world: World): Session {
  if (world.session === undefined) throw new Error('no gateway');
  return world.session;
}

export function sessionRunners(
  world: World,
  post: (event: GateEvent) => void,
): Pick<Runners, 'bootGateway' | 'killGateway' | 'armGuard'> {
  return {
    bootGateway: ({ profile, generation }) => {
      const booting = new AbortController();
      world.booting = booting;
      return world.lifecycle.run(async () => {
        booting.signal.throwIfAborted();
        const began = monotonicMs();
        await dismantle(world);
        // What did not die with its session, or with an earlier supervisor.
        await world.gatewayHost.reap(world.layout.run);
        const config = confirmedConfig(world);
        world.config = config;
        post({ type: 'configured', workVms: config.config.work, profiles: config.config.vpn });
        const session = await bootSession(world, config, profile, booting.signal);
        world.session = session;
        const { name } = session.profile;
        if (world.lastProfile !== undefined && world.lastProfile !== name)
          world.emit(events.GATE_VPN_SWITCHED, { from: world.lastProfile, to: name });
        world.lastProfile = name;
        world.meter.began();
        watch(world, session, generation, post);
        world.emit(events.GATE_STEP, { step: 'gateway booted', ms: Math.round(monotonicMs() - began), detail: '' });
        return { type: 'booted', generation, dhcp: session.plan.uplink.addressing.kind === 'dhcp' };
      });
    },
    killGateway: async ({ generation }) => {
      await endSession(world);
      return { type: 'gatewayKilled', generation };
    },
    armGuard: ({ generation }) => {
      world.session?.guard.arm(generation, ARM_MS);
      return undefined;
    },
  };
}

/** Ends the gateway there is, or the one that boots. Idempotent. */
export function endSession(world: World): Promise<void> {
  world.booting.abort(cutShort());
  return world.lifecycle.run(() => dismantle(world));
}

/** Guard first: with it gone nothing leaves, whatever the gateway still does. */
async function dismantle(world: World): Promise<void> {
  const { session, probe } = world;
  world.session = undefined;
  world.connection = undefined;
  world.signIn = undefined;
  world.offered = undefined;
  world.probe = undefined;
  if (session === undefined) return;
  // Not waited for: the hypervisor it talks to is ended next.
  void probe?.close();
  try {
    await session.guard.kill();
    session.control.close();
    await session.gateway.kill();
  } finally {
    session.key.release();
  }
}

async function bootSession(world: World, config: LoadedConfig, at: number, cancelled: AbortSignal): Promise<Session> {
  const { home, layout, gate, lab, arch } = world;
  const { vpn } = config.config;
  const [{ profile: stored, through }, others, image] = await Promise.all([
    loadHops(home.vpn, vpn[at] ?? vpn[0], config),
    // All of them: one that cannot be read is told before it is needed, and a work VM keeps its address with each.
    Promise.all(vpn.map((name) => loadProfile(home.vpn, name))),
    requireImage(home.images, 'gateway', arch),
  ]);
  const undo: (() => Promise<void> | void)[] = [];
  try {
    const key = await claimAll(home.vpn, [...through, stored], gate);
    undo.push(() => key.release());
    const names = config.config.work.map(({ name }) => name);
    const addressing = lab?.addressing ?? USER_NETWORK;
    const taken = [...others, ...through].flatMap((each) => innerPrefixes(each.plan));
    const objection = stored.plan.ipv6 === undefined ? undefined : objectionToIpv6(config.config);
    const taken6 = [...others, ...through].flatMap((each) => innerPrefixes6(each.plan));
    const hasIpv6 = stored.plan.ipv6 !== undefined && objection === undefined;
    const plan = planLinks(names, addressing, taken, macSeed(layout), hasIpv6 ? taken6 : undefined);
    if (objection !== undefined) world.emit(events.GATE_IPV6_OFF, { why: objection });
    const profile = hasIpv6 ? stored : { ...stored, plan: withoutIpv6(stored.plan) };
    const settings = bootSettings(
      plan,
      renderNft(compileNft(bootPolicy(plan))),
      resolverSettings(config.config, plan.probe.ipv6 !== undefined),
    );
    // Whatever fails from here on: this boot's keys do not stay on disk.
    undo.push(() => emptyFolder(layout.run));
    const layers = new Set(['base', ...[...through, profile].map((hop) => hop.plan.kind)]);
    const boot = await assembleBoot(image, [...layers], settings.archive, layout.run);
    const spec: GatewayBoot = {
      runFolder: layout.run,
      kernel: boot.kernel,
      initramfs: boot.initramfs,
      arch,
      memoryMiB: GATEWAY_MIB,
      cpus: 1,
      plan,
      uplink: lab?.uplink ?? USER_UPLINK,
      wires: [...plan.work, plan.probe].map(({ ifname }) => ({ ifname, ...wireOf(layout, ifname) })),
      ...(lab?.witness === undefined ? {} : { witness: lab.witness }),
      ...(lab?.monitor === undefined ? {} : { monitor: lab.monitor }),
    };
    cancelled.throwIfAborted();
    const gateway = await world.gatewayHost.boot(spec);
    undo.push(() => gateway.kill());
    const guarding = world.parts.startGuard({
      setup: { ...gateway.guardSockets, evidence: layout.evidence, evidenceMaxBytes: EVIDENCE_BYTES },
      uplink: bootPolicy(plan).uplink,
      ...(lab?.guardEntry === undefined ? {} : { entry: lab.guardEntry }),
    });
    undo.push(async () => (await guarding).kill());
    const ended = new AbortController();
    void gateway.ended.then(({ detail }) => ended.abort(new Error(`the gateway ended: ${detail}`)));
    const [guard, control] = await Promise.all([
      guarding,
      world.parts.openControl({
        openStream: () => gateway.openControl(),
        credentials: settings.credentials,
        withinMs: CONTROL_MS,
        signal: AbortSignal.any([ended.signal, cancelled]),
      }),
    ]);
    undo.push(() => control.close());
    const { bootId } = settings;
    cancelled.throwIfAborted();
    const identity = manifestDigest(image.manifest);
    return {
      config,
      profile,
      through: through.map(carryingIpv4),
      plan,
      image,
      identity,
      boot,
      bootId,
      gateway,
      guard,
      control,
      key,
    };
  } catch (cause) {
    for (const step of undo.reverse()) await Promise.resolve(step()).catch(() => undefined);
    throw cause;
  }
}

/** One key may be of several hops: servers of one provider often know a client by the same. */
async function claimAll(folder: string, hops: readonly StoredProfile[], gate: string): Promise<KeyClaim> {
  const claims: KeyClaim[] = [];
  const release = () => {
    for (const claim of claims) claim.release();
  };
  try {
    for (const key of new Set(hops.map(({ publicKey }) => publicKey))) {
      claims.push(await claimKey(folder, key, gate));
    }
  } catch (cause) {
    release();
    throw cause;
  }
  return { release };
}

/**
 * What the last `up` confirmed, whatever the file says by now (P7): a gate that recovers by itself must not pick up what
 * a `git pull` brought meanwhile.
 */
function confirmedConfig({ config, configPath, confirmed, home }: World): LoadedConfig {
  if (config !== undefined && config.digest === confirmed) return config;
  const loaded = loadConfig(path.dirname(configPath), home.root);
  if (loaded.path === configPath && loaded.digest === confirmed) return loaded;
  throw VmgateError.of(errors.GATE_CONFIG_CHANGED, { path: configPath });
}

/** What holds from the first instruction: nobody may speak but DHCP on the links and the loopback. */
function bootPolicy(plan: LinkPlan): EgressPolicy {
  const { mac, addressing } = plan.uplink;
  const fixed = addressing.kind === 'static' ? addressing : undefined;
  const uplink = { mac, address: fixed?.address, nextHop: fixed?.nextHop, dhcp: false };
  return { uplink, endpoints: [], links: [...plan.work, plan.probe], tunnel: undefined };
}

/** Prefixes that mean something inside the tunnel; the links keep off them. */
function innerPrefixes(tunnel: TunnelPlan): readonly string[] {
  const specific = [...tunnel.addresses, ...tunnel.routes].filter((prefix) => !prefix.endsWith('/0'));
  return [...specific, ...tunnel.resolvers.map((address) => `${address}/32`)].filter((text) => !text.includes(':'));
}

/** What only carries the next one carries packets of IPv4. */
function carryingIpv4(hop: StoredProfile): StoredProfile {
  return { ...hop, plan: withoutIpv6(hop.plan) };
}

/** {@link innerPrefixes} of IPv6. What is wider than anybody's own network (RFC 4193: 48 bits) is none. */
function innerPrefixes6({ ipv6 }: TunnelPlan): readonly string[] {
  const prefixes = [...(ipv6?.addresses ?? []), ...(ipv6?.routes ?? [])];
  return [...prefixes.filter((prefix) => Number(prefix.split('/')[1]) >= 32), ...(ipv6?.resolvers ?? [])];
}

/** Turns what happens to the parts by itself into events. */
function watch(world: World, session: Session, generation: number, post: (event: GateEvent) => void): void {
  const lost = (part: 'guard' | 'gateway' | 'control channel') => (detail: string) => {
    // Of a gateway that was ended meanwhile: news of it must not close the one after it.
    if (world.session !== session) return;
    post({ type: 'partLost', generation, fault: VmgateError.of(errors.GATE_PART_LOST, { part, detail }).serialize() });
  };
  void session.gateway.ended.then(({ detail }) => lost('gateway')(detail));
  void session.guard.ended.then(lost('guard'));
  void session.control.closed.then(lost('control channel'));
  session.guard.onReport((report) => {
    if (report.type === 'counts') {
      if (world.session === session) world.meter.counted(report.counts);
    } else if (report.type === 'violation') {
      const { why, frame, canary, recorded } = report;
      world.meter.violated(recorded);
      world.emit(events.GATE_FOREIGN_FRAME, { why, frame, canary, recorded });
      const fault = VmgateError.of(errors.GATE_VIOLATED, { why, frame });
      post({ type: 'violation', fault: fault.serialize() });
    } else if (report.type === 'gateway-lost') {
      lost('gateway')(report.why);
    } else if (report.type === 'disarmed' && report.why === 'portal') {
      if (world.session === session && world.signIn !== undefined) post(world.signIn.timeOver);
    } else if (report.type === 'disarmed' && (report.why === 'deadline' || report.why === 'clock-jump')) {
      // It did what it is there for, and is as good as before.
      if (world.session !== session) return;
      post({ type: 'shaken', fault: VmgateError.of(errors.GATE_GUARD_STOPPED, { why: report.why }).serialize() });
    }
  });
}
