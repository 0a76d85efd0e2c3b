/** One policy at a time, the same in guard and gateway. */
import { compileNft, type EgressPolicy, isOverTcp, renderNft, uplinkSocket } from '../core/policy/index.ts';
import { sessionOf } from './session.ts';
import type { World } from './world.ts';

/** The gateway's side of its uplink, as far as it is known by now. */
export function uplinkOf(world: World): EgressPolicy['uplink'] {
  const { addressing, mac } = sessionOf(world).plan.uplink;
  const known = addressing.kind === 'static' ? addressing : world.offered;
  return { mac, address: known?.address, nextHop: known?.nextHop, dhcp: addressing.kind === 'dhcp' };
}

/** Nothing but DHCP where it is used, and ARP for an address that the gateway may still have. */
export function silentPolicy(world: World): EgressPolicy {
  const { plan } = sessionOf(world);
  return { uplink: uplinkOf(world), endpoints: [], links: [...plan.work, plan.probe], tunnel: undefined };
}

/** What the gateway's ruleset is for this policy. */
export function rulesetFor(world: World, policy: EgressPolicy): string {
  return renderNft(compileNft(policy, world.lab?.removedDefences));
}

/**
 * Whether the kernel may have something to say for a while yet: the end of a TCP connection is repeated long after its
 * process is gone (tcp_orphan_retries in tcp(7)), and would be foreign, as that of a portal.
 */
function speaksTcp({ connection, signIn }: World): boolean {
  return signIn !== undefined || (connection !== undefined && isOverTcp(connection.policy));
}

/** Puts a policy in force, in the guard first (which it disarms), then in the gateway. */
export async function loadPolicy(world: World, policy: EgressPolicy, signal: AbortSignal): Promise<void> {
  const { guard, control } = sessionOf(world);
  // The old tunnel's socket is gone, and what it sent has been judged, before its endpoint becomes foreign: a late
  // keepalive would otherwise be a violation. Frames and orders reach the guard by different pipes.
  if (world.connection !== undefined || world.signIn !== undefined) await control.untunnel();
  if (speaksTcp(world)) await control.apply(rulesetFor(world, silentPolicy(world)));
  world.signIn = undefined;
  await guard.sync();
  signal.throwIfAborted();
  if (policy.portal === undefined) guard.setPolicy(policy.uplink, policy.endpoints, uplinkSocket(policy));
  else guard.setPortal(policy.uplink, policy.portal);
  await guard.sync();
  signal.throwIfAborted();
  await control.apply(rulesetFor(world, policy));
  signal.throwIfAborted();
}
