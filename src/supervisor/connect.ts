/** Runners that connect: pin the endpoint, load the policy everywhere, start the tunnel, hear something through it. */
import { randomInt } from 'node:crypto';
import { VmgateError } from '../core/coded.ts';
import type { EgressPolicy } from '../core/policy/index.ts';
import { wallMs } from '../host/index.ts';
import type { LabPass } from '../lab/pass.ts';
import {
  type ResolveMeans,
  resolveEndpoint,
  type StoredProfile,
  type TunnelInside,
  type TunnelPlan,
  vpnErrors,
} from '../vpn/index.ts';
import { bringUp, serverAt } from './bring-up.ts';
import { events } from './codes.ts';
import { dropIpv6 } from './ipv6.ts';
import { Lane } from './lane.ts';
import type { Runners } from './loop.ts';
import { loadPolicy, rulesetFor, uplinkOf } from './policy.ts';
import { linksWithRights } from './rights.ts';
import { sessionOf } from './session.ts';
import type { World } from './world.ts';

/** fwmark of the VPN socket: "vm". */
const VPN_MARK = 0x766d;
export function connectRunners(world: World): Pick<Runners, 'pin' | 'startTunnel'> {
  return {
    pin: async ({ generation }) => {
      const { signal } = world.attempt;
      const { config, control, profile } = sessionOf(world);
      const endpoint = serverAt(profile.plan, world.servers);
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
      const policy = policyFor(world, endpoint, pinned.address);
      await loadPolicy(world, policy, signal);
      world.connection = {
        pinned,
        policy,
        plan: profile.plan,
        beganMs: wallMs(),
        lane: new Lane(),
        granted: [],
        counters: {},
      };
      return { type: 'pinned', generation };
    },
    startTunnel: async ({ generation }) => {
      const { signal } = world.attempt;
      const { control, plan } = sessionOf(world);
      const { pinned, policy } = connectionOf(world);
      const profile = withCode(world);
      const onNarrow = (mtu: number, planned: number) => {
        world.emit(events.GATE_PATH_NARROW, { mtu, planned });
      };
      try {
        const { address, nextHop } = policy.uplink;
        const taken = [
          ...[...plan.work, plan.probe].map((link) => `${link.gateway}/${link.prefixLength}`),
          ...[address ?? [], nextHop ?? []].flat().map((own) => `${own}/32`),
        ];
        const inside = await bringUp({
          ...{ control, profile, pinned, policy, taken, signal, onNarrow },
          withoutIpv6: async (mtu) => {
            const without = dropIpv6(world, mtu);
            await control.apply(rulesetFor(world, without));
            return without;
          },
        });
        if (inside !== undefined) await takeInside(world, inside, signal);
      } catch (cause) {
        // The next attempt asks the next server of the profile.
        if (!signal.aborted) world.servers += 1;
        throw cause;
      }
      return { type: 'connected', generation };
    },
  };
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
  const { publicKey, plan } = sessionOf(world).profile;
  const tunnel = `${publicKey} ${plan.peerIdentity}`;
  if (world.works.size === 0) world.tunnelsUsed.clear();
  world.tunnelsUsed.add(tunnel);
  return world.tunnelsUsed.size > 1;
}

/** The policy of one connect: this endpoint, these links, a fresh source port. */
function policyFor(
  world: World,
  { port, protocol, shape, datagrams }: TunnelPlan['endpoint'],
  address: string,
): EgressPolicy {
  const { plan, profile, config } = sessionOf(world);
  const tunnel = profile.plan;
  return {
    uplink: uplinkOf(world),
    endpoints: [
      { address, port, protocol, shape },
      ...(datagrams === true ? [{ address, port, protocol: 'udp', shape } as const] : []),
    ],
    links: linksWithRights(plan, config.config),
    tunnel: {
      ifname: 'tun0',
      routes: tunnel.routes.filter((route) => !route.includes(':')),
      resolvers: tunnel.resolvers,
      // Registered ports up: nothing on the path treats it as a service's.
      localPort: randomInt(20_000, 60_000),
      mark: VPN_MARK,
      mtu: tunnel.mtu,
      ...(tunnel.ipv6 === undefined ? {} : { ipv6: { routes: tunnel.ipv6.routes, resolvers: tunnel.ipv6.resolvers } }),
      ...(holdsOtherFlows(world) ? { onlyNewFlows: true } : {}),
    },
  };
}

/**
 * What the server said, and was judged, becomes the policy's and the gateway's. The guard's does not change: it knows the
 * outside of the tunnel alone.
 */
async function takeInside(world: World, inside: TunnelInside, signal: AbortSignal): Promise<void> {
  const { control } = sessionOf(world);
  const connection = connectionOf(world);
  const { tunnel } = connection.policy;
  if (tunnel === undefined) throw new Error('a policy without tunnel');
  const { resolvers, mtu } = inside;
  const policy: EgressPolicy = { ...connection.policy, tunnel: { ...tunnel, resolvers, mtu } };
  world.connection = { ...connection, policy, plan: { ...connection.plan, ...inside } };
  signal.throwIfAborted();
  await control.apply(rulesetFor(world, policy));
  signal.throwIfAborted();
  await control.inside(inside, policy);
  world.emit(events.GATE_INSIDE, { addresses: inside.addresses, resolvers, mtu });
}

/**
 * The profile, with the code that somebody gave for this connect. Without one the server is not asked: a wrong answer may
 * lock the account, and nobody is there to give another.
 *
 * @throws VPN_CODE_NEEDED
 */
function withCode(world: World): StoredProfile {
  const { profile, config } = sessionOf(world);
  // `up` asks for the first profile's: it is no other server's to hear.
  const code = profile.name === config.config.vpn[0] ? world.code : undefined;
  world.code = undefined;
  const { challenge } = profile.plan;
  if (challenge === undefined) return profile;
  if (code === undefined) throw VmgateError.of(vpnErrors.VPN_CODE_NEEDED, { question: challenge.question });
  return { ...profile, secrets: profile.secrets.withCode(code) };
}
