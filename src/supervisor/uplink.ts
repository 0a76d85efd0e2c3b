/**
 * Runners that ask the local network for the gateway's address, where DHCP gives it. The guard lets out DHCP alone
 * meanwhile. slirp needs none of it: its address is known.
 */
import { VmgateError } from '../core/coded.ts';
import { type OfferedAddress, refuseOffer } from '../core/uplink-address.ts';
import type { GatewayControl } from '../gateway/index.ts';
import { errors, events } from './codes.ts';
import type { Runners } from './loop.ts';
import { loadPolicy, silentPolicy } from './policy.ts';
import { sessionOf } from './session.ts';
import type { World } from './world.ts';

export function uplinkRunners(world: World): Pick<Runners, 'admitDhcp' | 'askAddress'> {
  return {
    admitDhcp: async ({ generation }) => {
      await loadPolicy(world, silentPolicy(world), world.attempt.signal);
      world.connection = undefined;
      return { type: 'dhcpAdmitted', generation };
    },
    askAddress: async ({ generation }) => {
      const { signal } = world.attempt;
      const { control, guard } = sessionOf(world);
      const { address, prefixLength, nextHop } = await ask(control);
      signal.throwIfAborted();
      const offered = { address, prefixLength, nextHop };
      const why = refuseOffer(offered, takenInside(world));
      if (why !== undefined) throw VmgateError.of(errors.GATE_NO_ADDRESS, { why });
      if (!isSame(offered, world.offered)) world.emit(events.GATE_ADDRESS, offered);
      world.offered = offered;
      // Whatever holds up the next step: from now on this address may ask for its renewal.
      const policy = silentPolicy(world);
      guard.setPolicy(policy.uplink, policy.endpoints);
      return { type: 'addressed', generation };
    },
  };
}

async function ask(control: GatewayControl): Promise<OfferedAddress> {
  try {
    return await control.uplink();
  } catch (cause) {
    if (!VmgateError.is(cause) || cause.code !== 'GATEWAY_VERB_FAILED') throw cause;
    // Its client gave up; what else could be wrong with the gateway shows in the next step.
    throw VmgateError.of(errors.GATE_NO_ADDRESS, { why: 'no answer to DHCP' }, { cause, evidence: cause.evidence });
  }
}

/** What means something inside the gate already: an address of the network's choice must not stand for it. */
export function takenInside(world: World): readonly string[] {
  const { plan, profile, through } = sessionOf(world);
  const inside = [...through, profile].flatMap(({ plan: { addresses, resolvers } }) => [
    ...addresses.map((prefix) => prefix.split('/')[0] ?? prefix),
    ...resolvers,
  ]);
  return [
    ...[...plan.work, plan.probe].map(({ gateway, prefixLength }) => `${gateway}/${prefixLength}`),
    ...inside.map((address) => `${address}/32`),
  ].filter((prefix) => !prefix.includes(':'));
}

function isSame(one: OfferedAddress, other: OfferedAddress | undefined): boolean {
  return one.address === other?.address && one.nextHop === other.nextHop;
}
