/**
 * What one work VM may reach inside the tunnel, as plain data: rules in order, the first that fits decides. The same
 * object compiles to the gateway's rules (nft-work.ts) and to the table people are shown (work-table.ts); a property test
 * holds both to an interpreter of their own.
 */
import { type IpRange, type IpValue, inRange, ipRange } from '../ip-range.ts';

export type RuleAction = 'allow' | 'deny';
export type RuleProtocol = 'tcp' | 'udp' | 'icmp';

/** Both ends belong to it; 1 to 65535. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

export type RuleTarget =
  | { readonly kind: 'anywhere' }
  /** Prefix of either family without bits behind its length, canonical. */
  | { readonly kind: 'prefix'; readonly prefix: string }
  /**
   * Lower-case name; it stands for itself and every name below it. Its addresses are those that the tunnel's resolver
   * answered within {@link NAME_SECONDS}; private ones only with `allowPrivate`.
   */
  | { readonly kind: 'name'; readonly name: string; readonly allowPrivate: boolean };

export interface EgressRule {
  readonly action: RuleAction;
  readonly to: RuleTarget;
  /** Empty: every protocol. */
  readonly protocols: readonly RuleProtocol[];
  /** Empty: every port; otherwise `protocols` are of tcp and udp. */
  readonly ports: readonly PortRange[];
}

export interface WorkEgress {
  readonly rules: readonly EgressRule[];
  /** For what fits no rule. */
  readonly otherwise: RuleAction;
}

/** How long an address that a name was answered with stays usable, seconds. A fresh question begins it anew once it ended. */
export const NAME_SECONDS = 600;
/** Addresses a name may have at a time. */
export const NAME_ADDRESSES = 1_024;

/** No name leads there, whoever answers: these mean the machine itself, its neighbours, or nobody. */
export const NEVER_NAMED = ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/3'] as const;
/** Where a name leads only by permission: an answer that points a public name at an inner network is DNS rebinding. */
export const PRIVATE = ['10.0.0.0/8', '100.64.0.0/10', '172.16.0.0/12', '192.168.0.0/16'] as const;

/** {@link NEVER_NAMED} of IPv6: nobody, the machine itself, IPv4 in disguise, neighbours, groups (RFC 6890). */
export const NEVER_NAMED6 = ['::/127', '::ffff:0.0.0.0/96', 'fe80::/10', 'ff00::/8'] as const;
/** {@link PRIVATE} of IPv6: RFC 4193 and what was there before it; and what leads to IPv4, a private one perhaps (RFC 6052, RFC 8215). */
export const PRIVATE6 = ['64:ff9b::/96', '64:ff9b:1::/48', 'fc00::/7', 'fec0::/10'] as const;

const UNNAMED = [...NEVER_NAMED, ...NEVER_NAMED6].flatMap((prefix) => ipRange(prefix) ?? []);
const INNER = [...PRIVATE, ...PRIVATE6].flatMap((prefix) => ipRange(prefix) ?? []);

/** Whether a name rule may mean this address. */
export function mayBeNamed(address: IpValue, allowPrivate: boolean): boolean {
  const isIn = (ranges: readonly IpRange[]) => ranges.some((range) => inRange(address, range));
  return !isIn(UNNAMED) && (allowPrivate || !isIn(INNER));
}

/** Whether `name` is `above` or lies below it. */
export function isBelow(name: string, above: string): boolean {
  return name === above || name.endsWith(`.${above}`);
}

/** Every name that rules speak of, once, sorted: its place is the number of its set in the gateway. */
export function namesOf(all: readonly (WorkEgress | undefined)[]): readonly string[] {
  const names = all.flatMap((egress) => egress?.rules.flatMap(({ to }) => (to.kind === 'name' ? [to.name] : [])) ?? []);
  return [...new Set(names)].toSorted();
}

/** The gateway's set for the `index`th of {@link namesOf}: its IPv4 addresses. */
export function nameSet(index: number): string {
  return `name${index}`;
}

/** Twin of {@link nameSet}: its IPv6 addresses, where the links have IPv6. The gateway's init knows it by its end. */
export function nameSet6(index: number): string {
  return `name${index}_6`;
}

/** Which sets the answers for a name go to. */
export interface NameFeed {
  readonly name: string;
  readonly sets: readonly string[];
}

/**
 * For the gateway's resolver, which looks at the longest of its names that fits and at no other: each carries the sets of
 * those above it too.
 */
export function nameFeeds(all: readonly (WorkEgress | undefined)[], ipv6 = false): readonly NameFeed[] {
  const names = namesOf(all);
  const setsOf = (index: number) => (ipv6 ? [nameSet(index), nameSet6(index)] : [nameSet(index)]);
  return names.map((name) => ({
    name,
    sets: names.flatMap((above, index) => (isBelow(name, above) ? setsOf(index) : [])),
  }));
}
