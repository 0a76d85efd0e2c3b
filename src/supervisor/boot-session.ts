/** A gateway process with its guard and control channel, whole or not at all. */
import type { LoadedConfig } from '../config/index.ts';
import { type LinkPlan, planLinks, USER_NETWORK } from '../core/link-plan.ts';
import { compileNft, type EgressPolicy, renderNft } from '../core/policy/index.ts';
import type { GatewayBoot, UplinkAttachment } from '../drivers/index.ts';
import { bootSettings } from '../gateway/index.ts';
import { emptyFolder } from '../home/index.ts';
import { assembleBoot, manifestDigest, requireImage } from '../image/index.ts';
import { claimKey, type KeyClaim, loadHops, loadProfile, type StoredProfile, type TunnelPlan } from '../vpn/index.ts';
import { events } from './codes.ts';
import { mayHaveIpv6, objectionToIpv6, withoutIpv6 } from './ipv6.ts';
import { resolverSettings } from './rights.ts';
import { wireOf } from './wires.ts';
import { macSeed, type Session, type World } from './world.ts';

const USER_UPLINK: UplinkAttachment = { kind: 'user' };
const GATEWAY_MIB = 160;
const CONTROL_MS = 60_000;
/** Two files of half of it each: docs/files-on-disk.md. */
export const EVIDENCE_BYTES = 64 * 1_048_576;

/** For the VPN profile `at` that place of the configuration; what was made of it is undone where the rest fails. */
export async function bootSession(
  world: World,
  config: LoadedConfig,
  at: number,
  cancelled: AbortSignal,
): Promise<Session> {
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
    const objection = objectionToIpv6(config.config);
    const taken6 = [...others, ...through].flatMap((each) => innerPrefixes6(each.plan));
    const hasIpv6 = mayHaveIpv6(stored.plan) && objection === undefined;
    const plan = planLinks(names, addressing, taken, macSeed(layout), hasIpv6 ? taken6 : undefined);
    // Of the other kinds it is not known yet whether there is any to object to.
    if (objection !== undefined && stored.plan.ipv6 !== undefined) world.emit(events.GATE_IPV6_OFF, { why: objection });
    const profile = objection === undefined ? stored : { ...stored, plan: withoutIpv6(stored.plan) };
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
