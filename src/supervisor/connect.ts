/** Runners that connect: pin the endpoint, load the policy everywhere, start the tunnel, hear something through it. */
import { randomInt } from 'node:crypto';
import { VmgateError } from '../core/coded.ts';
import type { LinkPlan } from '../core/link-plan.ts';
import { compileNft, type EgressPolicy, renderNft } from '../core/policy/index.ts';
import { wallMs } from '../host/index.ts';
import { resolveEndpoint, type TunnelPlan } from '../vpn/index.ts';
import { errors, events } from './codes.ts';
import { Lane } from './lane.ts';
import type { Runners } from './loop.ts';
import { sessionOf } from './session.ts';
import type { World } from './world.ts';

/** fwmark of the VPN socket: "vm". */
const VPN_MARK = 0x766d;
/** WireGuard sends its first handshake at once and again after 5 s (REKEY_TIMEOUT). */
const FIRST_ANSWER_MS = 7_000;
const DNS_PORT = 53;

export function connectRunners(world: World): Pick<Runners, 'pin' | 'startTunnel'> {
  return {
    pin: async ({ generation }) => {
      const { config, profile, plan, guard, control } = sessionOf(world);
      const { endpoint } = profile.plan;
      const rules = { allowPrivate: config.config.endpoint.allowPrivate };
      const { lab } = world;
      const means = lab === undefined ? {} : { exempt: (address: string) => lab.allowEndpoint(address) };
      const pinned = await resolveEndpoint(endpoint, rules, means);
      world.emit(events.GATE_PINNED, { host: endpoint.host, ...pinned });
      const policy = policyFor(plan, profile.plan, pinned.address);
      guard.setPolicy(policy.uplink, policy.endpoints, policy.tunnel);
      await control.untunnel();
      await control.apply(renderNft(compileNft(policy, world.lab?.removedDefences)));
      world.connection = { pinned, policy, beganMs: wallMs(), lane: new Lane() };
      return { type: 'pinned', generation };
    },
    startTunnel: async ({ generation }) => {
      const { profile, control } = sessionOf(world);
      const { pinned, policy } = connectionOf(world);
      await control.tunnel(profile.plan, profile.secrets, pinned, policy);
      await firstAnswer(world, profile.plan, `${pinned.address}:${pinned.port}/udp`);
      return { type: 'connected', generation };
    },
  };
}

export function connectionOf(world: World): NonNullable<World['connection']> {
  if (world.connection === undefined) throw new Error('not connected');
  return world.connection;
}

/** The policy of one connect: this endpoint, these links, a fresh source port. */
function policyFor(plan: LinkPlan, tunnel: TunnelPlan, address: string): EgressPolicy {
  const { addressing, mac } = plan.uplink;
  const fixed = addressing.kind === 'static' ? addressing : undefined;
  const { port, protocol, shape } = tunnel.endpoint;
  return {
    uplink: { mac, address: fixed?.address, nextHop: fixed?.nextHop, dhcp: addressing.kind === 'dhcp' },
    endpoints: [{ address, port, protocol, shape }],
    links: [...plan.work, plan.probe],
    tunnel: {
      ifname: 'tun0',
      routes: tunnel.routes.filter((route) => !route.includes(':')),
      resolvers: tunnel.resolvers,
      // Registered ports up: nothing on the path treats it as a service's.
      localPort: randomInt(20_000, 60_000),
      mark: VPN_MARK,
      mtu: tunnel.mtu,
    },
  };
}

/**
 * A WireGuard interface is silent until something wants to go through it. A connection to the tunnel's resolver, made by
 * the gateway, asks for the handshake; any answer, a refusal included, came through the tunnel. A resolver that drops TCP
 * leaves the handshake itself as the sign.
 */
async function firstAnswer(world: World, tunnel: TunnelPlan, endpoint: string): Promise<void> {
  const { control } = sessionOf(world);
  const [resolver] = tunnel.resolvers;
  if (resolver === undefined) throw new Error('a tunnel plan without resolver');
  const deadline = Date.now() + FIRST_ANSWER_MS;
  const asked = control.dial(resolver, DNS_PORT).then(
    (stream) => stream.destroy(),
    () => undefined,
  );
  for (;;) {
    const { tunnel: state } = await control.facts();
    if (state?.peers.some((peer) => peer.latestHandshakeMs > 0) === true) return;
    if (Date.now() > deadline) {
      throw VmgateError.of(errors.GATE_TUNNEL_SILENT, { endpoint, seconds: Math.round(FIRST_ANSWER_MS / 1_000) });
    }
    await Promise.race([asked, new Promise((resolve) => setTimeout(resolve, 150))]);
  }
}
