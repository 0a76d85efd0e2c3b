/**
 * What a profile says of IPv6: a plan where it makes a whole (an address, prefixes of the server, room for its packets),
 * and else why not, for each line that has no effect. Without it the tunnel carries IPv4 as if nothing had been said.
 */
import { isReachableIpv6 } from '../../core/address-class6.ts';
import { within } from '../../core/checks/prefix.ts';
import { type CodedEvent, occur } from '../../core/coded.ts';
import { IPV6_LEAST_MTU } from '../../core/ipv6.ts';
import { events } from '../codes.ts';
import { at } from '../positions.ts';
import type { TunnelIpv6 } from '../tunnel-plan.ts';
import { coversAllIpv6, formatPrefix, networkOf, type Prefix } from '../values.ts';
import type { PeerSection, Placed, Profile } from './parse.ts';

export interface PlannedIpv6 {
  readonly ipv6: TunnelIpv6 | undefined;
  readonly notices: readonly CodedEvent[];
}

/** A line of the profile that has no effect. */
interface Unused {
  readonly key: 'Address' | 'AllowedIPs' | 'DNS';
  readonly entry: Placed<Prefix>;
  readonly why: string;
}

/** `ownResolvers`: the user named resolvers, which replace the profile's. */
export function planIpv6(profile: Profile, exit: PeerSection, mtu: number, ownResolvers: boolean): PlannedIpv6 {
  const { file, interface: own } = profile;
  const addresses = sixes(own.addresses);
  const [usable, unusable] = split(addresses, ({ value }) => isReachableIpv6(value.address));
  const written = sixes(exit.allowedIps);
  const whole = wholeFault(usable, written, mtu);
  const routes = coversAllIpv6(written.map(({ value }) => value))
    ? ['::/0']
    : unique(written.map(({ value }) => networkOf(value)));
  const [inside, outside] = split(
    sixes(own.resolvers),
    ({ value }) => isReachableIpv6(value.address) && routes.some((route) => within(value.address, route)),
  );
  const unused: readonly Unused[] =
    whole === undefined
      ? [
          ...unusable.map((entry): Unused => ({ key: 'Address', entry, why: 'no machine can be reached at it' })),
          ...outside.map((entry): Unused => ({ key: 'DNS', entry, why: 'no AllowedIPs prefix leads there' })),
          ...(ownResolvers ? inside.map((entry): Unused => ({ key: 'DNS', entry, why: '--dns names others' })) : []),
        ]
      : everything(profile, whole);
  const notices = unused.map(({ key, entry: { value, token }, why }) => {
    const text = key === 'DNS' ? value.address : formatPrefix(value);
    return occur(events.VPN_IPV6_NOT_FORWARDED, { ...at(file, token), key, value: text, why });
  });
  if (whole !== undefined) return { ipv6: undefined, notices };
  const resolvers = ownResolvers ? [] : unique(inside.map(({ value }) => hostOf(value)));
  return {
    ipv6: { addresses: unique(usable.map(({ value }) => `${hostOf(value)}/${value.length}`)), routes, resolvers },
    notices,
  };
}

/** Why there is no IPv6 at all. */
function wholeFault(addresses: readonly unknown[], routes: readonly unknown[], mtu: number): string | undefined {
  if (addresses.length === 0) return 'the profile has no IPv6 Address';
  if (routes.length === 0) return "the server's AllowedIPs have no IPv6 prefix";
  if (mtu >= IPV6_LEAST_MTU) return undefined;
  return `IPv6 needs packets of ${IPV6_LEAST_MTU} bytes (RFC 8200), and the profile's MTU is ${mtu}`;
}

function everything({ interface: own, peers }: Profile, why: string): readonly Unused[] {
  const lines = {
    Address: own.addresses,
    DNS: own.resolvers,
    AllowedIPs: peers.flatMap(({ allowedIps }) => allowedIps),
  } as const;
  return (['Address', 'DNS', 'AllowedIPs'] as const).flatMap((key) =>
    sixes(lines[key]).map((entry) => ({ key, entry, why })),
  );
}

/** Those of IPv6. */
function sixes(entries: readonly Placed<Prefix>[]): readonly Placed<Prefix>[] {
  return entries.filter(({ value }) => value.family === 6);
}

/** The address alone, in its one form. */
function hostOf({ address }: Prefix): string {
  return networkOf({ family: 6, address, length: 128 }).replace(/\/.*/, '');
}

function split<T>(all: readonly T[], isIt: (one: T) => boolean): readonly [yes: readonly T[], no: readonly T[]] {
  return [all.filter(isIt), all.filter((one) => !isIt(one))];
}

function unique(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)];
}
