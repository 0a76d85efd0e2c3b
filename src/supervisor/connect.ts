/** Runners that connect: pin the endpoint, load the policy everywhere, start the tunnel, hear something through it. */
import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { VmgateError } from '../core/coded.ts';
import type { EgressPolicy } from '../core/policy/index.ts';
import type { GatewayControl } from '../gateway/index.ts';
import { wallMs } from '../host/index.ts';
import type { LabPass } from '../lab/pass.ts';
import { type ResolveMeans, resolveEndpoint, type TunnelPlan } from '../vpn/index.ts';
import { errors, events } from './codes.ts';
import { Lane } from './lane.ts';
import type { Runners } from './loop.ts';
import { carriedMtu, carries } from './path-mtu.ts';
import { loadPolicy, uplinkOf } from './policy.ts';
import { linksWithRights } from './rights.ts';
import { sessionOf } from './session.ts';
import type { World } from './world.ts';

/** fwmark of the VPN socket: "vm". */
const VPN_MARK = 0x766d;
/**
 * How long each fresh tunnel interface may take to answer. WireGuard repeats a lost handshake only after 5 s
 * (REKEY_TIMEOUT); a fresh interface sends one at once, so a network that comes back is noticed sooner.
 */
const ANSWER_WINDOWS_MS = [1_500, 2_000, 2_000];
const DNS_PORT = 53;

export function connectRunners(world: World): Pick<Runners, 'pin' | 'startTunnel'> {
  return {
    pin: async ({ generation }) => {
      const { signal } = world.attempt;
      const { config, profile, control } = sessionOf(world);
      const { endpoint } = profile.plan;
      const rules = { allowPrivate: config.config.endpoint.allowPrivate };
      const pinned = await resolveEndpoint(endpoint, rules, meansOf(world.lab));
      await Promise.all([
        // Whatever becomes of the way there from here on, this attempt began on another.
        world.network?.watch(pinned.address),
        // A guest's clock stands still while the laptop sleeps, and a handshake with an earlier time than the last one's
        // is a replay to the server (WireGuard, section 5.1): it would never answer.
        control.setClock(wallMs()),
      ]);
      signal.throwIfAborted();
      world.emit(events.GATE_PINNED, { host: endpoint.host, ...pinned });
      const policy = policyFor(world, pinned.address);
      await loadPolicy(world, policy, signal);
      world.connection = { pinned, policy, beganMs: wallMs(), lane: new Lane(), granted: [], counters: {} };
      return { type: 'pinned', generation };
    },
    startTunnel: async ({ generation }) => {
      const { signal } = world.attempt;
      const { profile, control } = sessionOf(world);
      const { pinned, policy } = connectionOf(world);
      for (const windowMs of ANSWER_WINDOWS_MS) {
        // The next attempt has another source port: this one's packets would be foreign then.
        signal.throwIfAborted();
        await control.tunnel(profile.plan, profile.secrets, pinned, policy);
        // Beside the first answer: where the way carries what it should, nobody waits for this.
        const isCarried = carries(control, profile.plan, profile.plan.mtu);
        const answer = await answers(control, profile.plan, windowMs);
        if (answer === undefined) continue;
        // Of a resolver that is silent nothing is learnt, and the checks are not kept waiting for it.
        if (answer === 'inside' && !(await isCarried)) await narrow(world, signal);
        return { type: 'connected', generation };
      }
      const seconds = ANSWER_WINDOWS_MS.reduce((sum, windowMs) => sum + windowMs, 0) / 1_000;
      throw VmgateError.of(errors.GATE_TUNNEL_SILENT, { endpoint: `${pinned.address}:${pinned.port}/udp`, seconds });
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

/** A tunnel of smaller packets, where the way to the server swallows those that the profile means. */
async function narrow(world: World, signal: AbortSignal): Promise<void> {
  const { profile, control } = sessionOf(world);
  const { pinned, policy } = connectionOf(world);
  const { plan } = profile;
  const mtu = await carriedMtu(control, plan);
  signal.throwIfAborted();
  if (mtu === plan.mtu) return;
  world.emit(events.GATE_PATH_NARROW, { mtu, planned: plan.mtu });
  await control.tunnel({ ...plan, mtu }, profile.secrets, pinned, policy);
  await answers(control, plan, ANSWER_WINDOWS_MS[0] ?? 0);
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
function policyFor(world: World, address: string): EgressPolicy {
  const { plan, profile, config } = sessionOf(world);
  const tunnel = profile.plan;
  const { port, protocol, shape } = tunnel.endpoint;
  return {
    uplink: uplinkOf(world),
    endpoints: [{ address, port, protocol, shape }],
    links: linksWithRights(plan, config.config),
    tunnel: {
      ifname: 'tun0',
      routes: tunnel.routes.filter((route) => !route.includes(':')),
      resolvers: tunnel.resolvers,
      // Registered ports up: nothing on the path treats it as a service's.
      localPort: randomInt(20_000, 60_000),
      mark: VPN_MARK,
      mtu: tunnel.mtu,
      ...(holdsOtherFlows(world) ? { onlyNewFlows: true } : {}),
    },
  };
}

/**
 * A WireGuard interface is silent until something wants to go through it: a connection to the tunnel's resolver, made by
 * the gateway, asks for the handshake. Any end of it before the window's (a refusal too) came through the tunnel; a
 * resolver that drops TCP leaves the handshake as the sign. Whether anything useful comes back is the checks' matter.
 */
async function answers(
  control: GatewayControl,
  tunnel: TunnelPlan,
  windowMs: number,
): Promise<'inside' | 'handshake' | undefined> {
  const [resolver] = tunnel.resolvers;
  if (resolver === undefined) throw new Error('a tunnel plan without resolver');
  const dialled = control.dial(resolver, DNS_PORT).then(
    (stream) => {
      stream.destroy();
      return true;
    },
    () => false,
  );
  if (await Promise.race([dialled, delay(windowMs, false, { ref: false })])) return 'inside';
  const { tunnel: state } = await control.facts();
  return state?.peers.some((peer) => peer.latestHandshakeMs > 0) === true ? 'handshake' : undefined;
}
