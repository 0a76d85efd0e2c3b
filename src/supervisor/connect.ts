/** Runners that connect: pin the endpoint, load the policy everywhere, start the tunnel, hear something through it. */
import { VmgateError } from '../core/coded.ts';
import { IPV6_LEAST_MTU } from '../core/ipv6.ts';
import type { EgressPolicy } from '../core/policy/index.ts';
import { wallMs } from '../host/index.ts';
import type { LabPass } from '../lab/pass.ts';
import {
  type ChainHop,
  innerMtu,
  type JudgedInside,
  judgeAddresses,
  judgeServer,
  type ResolveMeans,
  resolveEndpoint,
  type StoredProfile,
  type TunnelPlan,
  vpnErrors,
} from '../vpn/index.ts';
import { bringUp, serverAt } from './bring-up.ts';
import { events } from './codes.ts';
import { carryOn, endpointsAt, tunnelOf, withInside } from './hops.ts';
import { allowedInside, dropIpv6, withoutIpv6 } from './ipv6.ts';
import { Lane } from './lane.ts';
import { type Runners, withinSeconds } from './loop.ts';
import { resolveInside } from './names.ts';
import { loadPolicy, rulesetFor, uplinkOf } from './policy.ts';
import { linksWithRights } from './rights.ts';
import { sessionOf } from './session.ts';
import { takenInside } from './uplink.ts';
import type { ConnectedHop, World } from './world.ts';

/** For each hop: three windows of waiting and as many settings of the tunnel, on a busy machine without hardware virtualisation. */
const HOP_SECONDS = 30;

export function connectRunners(world: World): Pick<Runners, 'pin' | 'startTunnel'> {
  return {
    pin: async ({ generation }) => {
      const { signal } = world.attempt;
      const { config, control } = sessionOf(world);
      const [first] = hopsOf(world);
      const endpoint = serverAt(first.plan, world.servers);
      const rules = { allowPrivate: config.config.endpoint.allowPrivate };
      const pinned = await resolveEndpoint(endpoint, rules, meansOf(world.lab)).catch((cause: unknown) => {
        world.servers += 1;
        throw cause;
      });
      await Promise.all([
        // Whatever becomes of the way there from here on, this attempt began on another.
        world.network?.watch(pinned.address),
        // A guest's clock stands still while the laptop sleeps, and a handshake with an earlier time than the last one's
        // is a replay to the server (WireGuard, section 5.1): it would never answer.
        control.setClock(wallMs()),
      ]);
      signal.throwIfAborted();
      world.emit(events.GATE_PINNED, { host: endpoint.host, ...pinned });
      const { plan } = sessionOf(world);
      const links = linksWithRights(plan, config.config);
      const outside = { uplink: uplinkOf(world), endpoints: endpointsAt(pinned.address, endpoint), links };
      const policy = withTunnel(world, { ...outside, tunnel: undefined }, first.plan, 0);
      await loadPolicy(world, policy, signal);
      const { name, plan: tunnelPlan } = first;
      const hop = { name, pinned, plan: tunnelPlan, through: [], policy };
      world.connection = { ...hop, beganMs: wallMs(), lane: new Lane(), granted: [], counters: {} };
      return { type: 'pinned', generation };
    },
    startTunnel: async ({ generation }) => {
      const { signal } = world.attempt;
      const hops = hopsOf(world);
      try {
        for (const [index, hop] of hops.entries()) {
          await withinSeconds(HOP_SECONDS, 'startTunnel', async () => {
            if (index > 0) await goThrough(world, hop, index, signal);
            await standUp(world, hop, signal);
          }).catch((cause: unknown) => {
            throw hops.length > 1 ? ofHop(cause, `hop ${index + 1} of the chain: ${hop.name}`) : cause;
          });
        }
      } catch (cause) {
        // The next attempt asks the next server of the profile.
        if (!signal.aborted) world.servers += 1;
        throw cause;
      }
      return { type: 'connected', generation };
    },
  };
}

/** The outermost first; of most gates one. */
function hopsOf(world: World): readonly [StoredProfile, ...StoredProfile[]] {
  const { profile, through } = sessionOf(world);
  const [first = profile, ...more] = through;
  return through.length === 0 ? [profile] : [first, ...more, profile];
}

/** What went wrong, and with which hop: every kind's words speak of one server. */
function ofHop(cause: unknown, hop: string): unknown {
  if (!VmgateError.is(cause)) return cause;
  const fault = cause.serialize();
  return VmgateError.revive({ ...fault, evidence: [hop, ...fault.evidence] });
}

function withTunnel(world: World, policy: EgressPolicy, plan: TunnelPlan, index: number): EgressPolicy {
  const { through } = sessionOf(world);
  const place = { index, count: through.length + 1, onlyNewFlows: holdsOtherFlows(world) };
  return { ...policy, tunnel: tunnelOf(plan, place, policy) };
}

/** Makes the tunnel of the policy there is, and waits for what comes through it. */
async function standUp(world: World, stored: StoredProfile, signal: AbortSignal): Promise<void> {
  const { control, plan } = sessionOf(world);
  const { pinned, policy, through, plan: tunnelPlan } = connectionOf(world);
  const profile = withCode(world, { ...stored, plan: tunnelPlan });
  let { mtu } = tunnelPlan;
  const onNarrow = (carried: number, planned: number) => {
    mtu = carried;
    world.emit(events.GATE_PATH_NARROW, { mtu, planned });
  };
  const { address, nextHop } = policy.uplink;
  const taken = [
    ...[...plan.work, plan.probe].flatMap(({ gateway, prefixLength, ipv6 }) => [
      `${gateway}/${prefixLength}`,
      ...(ipv6 === undefined ? [] : [ipv6.network]),
    ]),
    ...[address ?? [], nextHop ?? []].flat().map((own) => `${own}/32`),
    ...through.flatMap((hop) => hop.plan.addresses),
  ];
  const judged = await bringUp({
    ...{ control, profile, pinned, policy, taken, signal, onNarrow },
    withoutIpv6: async (carried) => {
      const without = dropIpv6(world, carried);
      await control.apply(rulesetFor(world, without));
      return without;
    },
  });
  if (judged !== undefined) return takeInside(world, judged, signal);
  const connection = connectionOf(world);
  if (mtu !== tunnelPlan.mtu) world.connection = { ...connection, plan: { ...connection.plan, mtu } };
}

/**
 * The tunnel there is carries the next one: its server is looked up through it, by its resolvers, and by nobody outside; then
 * the gateway sends there what the next one's socket says, and nothing else.
 */
async function goThrough(world: World, next: StoredProfile, index: number, signal: AbortSignal): Promise<void> {
  const { control, config } = sessionOf(world);
  const { policy, through, name, pinned: at, plan, ...rest } = connectionOf(world);
  const beneath = [...through, { name, pinned: at, plan }];
  const hop = { ...next, place: config.hopPlaces[index] ?? '' };
  const endpoint = serverAt(next.plan, world.servers);
  const pinned = await resolveEndpoint(
    endpoint,
    { allowPrivate: config.config.endpoint.allowPrivate },
    {
      ...meansOf(world.lab),
      lookup: (host) => resolveInside(host, plan.resolvers, (address, port) => control.dial(address, port)),
      // What the gateway has itself: a server there would be nobody's.
      onLink: () => [...takenInside(world), ...beneath.flatMap((each) => each.plan.addresses)],
    },
  );
  const before = beneath.map((each) => pinnedHop(each));
  // What the servers before gave is known only now.
  judgeAddresses(hop, before);
  judgeServer(hop, pinned.address, before);
  signal.throwIfAborted();
  world.emit(events.GATE_PINNED, { host: endpoint.host, ...pinned });
  const mtu = innerMtu(hop, plan.mtu);
  const narrow = { ...withRoomForIpv6(world, next.plan, mtu), mtu };
  const carried = carryOn(policy, endpointsAt(pinned.address, endpoint));
  const further = withTunnel(world, carried, narrow, index);
  world.connection = { ...rest, name: next.name, pinned, plan: narrow, through: beneath, policy: further };
  // The guard's policy does not change: it knows the outside of the first hop alone.
  await control.apply(rulesetFor(world, further));
  signal.throwIfAborted();
}

/** A tunnel of smaller packets than IPv6 has must not be given any (RFC 8200, section 5). */
function withRoomForIpv6(world: World, plan: TunnelPlan, mtu: number): TunnelPlan {
  if (plan.ipv6 === undefined || mtu >= IPV6_LEAST_MTU) return plan;
  world.emit(events.GATE_IPV6_OFF, { why: `inside the hops before it, the packets of the last have ${mtu} bytes` });
  return withoutIpv6(plan);
}

/** A hop as it stands: with the address that was pinned in the place of whatever its profile says. */
function pinnedHop({ name, pinned, plan }: ConnectedHop): ChainHop {
  return { name, place: '', plan: { ...plan, endpoint: { ...plan.endpoint, host: pinned.address }, alternatives: [] } };
}

/** Whom to ask for the endpoint's address, and which one may be dialled whatever its class. */
function meansOf(lab: LabPass | undefined): ResolveMeans {
  if (lab === undefined) return {};
  const { lookUp } = lab;
  return {
    exempt: (address) => lab.allowEndpoint(address),
    ...(lookUp === undefined ? {} : { lookup: lookUp }),
  };
}

export function connectionOf(world: World): NonNullable<World['connection']> {
  if (world.connection === undefined) throw new Error('not connected');
  return world.connection;
}

/**
 * Whether a work VM that runs may have connections that began in another tunnel: what they still have to say was meant for
 * that one (leak case 68). For as long as any of these VMs runs: TCP repeats itself for a quarter of an hour.
 */
function holdsOtherFlows(world: World): boolean {
  const tunnel = hopsOf(world)
    .map(({ publicKey, plan }) => `${publicKey} ${plan.peerIdentity}`)
    .join(' ');
  if (world.works.size === 0) world.tunnelsUsed.clear();
  world.tunnelsUsed.add(tunnel);
  return world.tunnelsUsed.size > 1;
}

/**
 * What the server said, and was judged, becomes the policy's and the gateway's. The guard's does not change: it knows the
 * outside of the tunnel alone.
 */
async function takeInside(world: World, judged: JudgedInside, signal: AbortSignal): Promise<void> {
  const session = sessionOf(world);
  const { control } = session;
  const connection = connectionOf(world);
  const inside = allowedInside(session, judged, connection.policy, world.emit);
  const { mtu, ipv6 } = inside;
  const policy = withInside(connection.policy, inside);
  world.connection = { ...connection, policy, plan: { ...connection.plan, ...inside } };
  signal.throwIfAborted();
  await control.apply(rulesetFor(world, policy));
  signal.throwIfAborted();
  await control.inside(inside, policy);
  world.emit(events.GATE_INSIDE, {
    addresses: [...inside.addresses, ...(ipv6?.addresses ?? [])],
    resolvers: [...inside.resolvers, ...(ipv6?.resolvers ?? [])],
    mtu,
  });
}

/**
 * The profile, with the code that somebody gave for this connect. Without one the server is not asked: a wrong answer may
 * lock the account, and nobody is there to give another.
 *
 * @throws VPN_CODE_NEEDED
 */
function withCode(world: World, profile: StoredProfile): StoredProfile {
  const { config } = sessionOf(world);
  const { vpn, through = [] } = config.config;
  // `up` asks for the first profile's, or the one of a chain that has one (judgeChain): it is no other server's to hear.
  const code = profile.name === vpn[0] || through.includes(profile.name) ? world.code : undefined;
  const { challenge } = profile.plan;
  if (challenge !== undefined || profile.name === sessionOf(world).profile.name) world.code = undefined;
  if (challenge === undefined) return profile;
  if (code === undefined) throw VmgateError.of(vpnErrors.VPN_CODE_NEEDED, { question: challenge.question });
  return { ...profile, secrets: profile.secrets.withCode(code) };
}
