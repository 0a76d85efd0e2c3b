/**
 * What one work VM may reach inside the tunnel, as plain data: rules in order, the first that fits decides. The same
 * object compiles to the gateway's rules (nft-work.ts) and to the table people are shown (work-table.ts); a property test
 * holds both to an interpreter of their own.
 */
import { ipv4Range } from '../ipv4.ts';

export type RuleAction = 'allow' | 'deny';
export type RuleProtocol = 'tcp' | 'udp' | 'icmp';

/** Both ends belong to it; 1 to 65535. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

export type RuleTarget =
  | { readonly kind: 'anywhere' }
  /** IPv4 prefix without bits behind its length. */
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

/** Whether a name rule may mean this address (as a number). */
export function mayBeNamed(address: number, allowPrivate: boolean): boolean {
  return ![...NEVER_NAMED, ...(allowPrivate ? [] : PRIVATE)].some((prefix) => {
    const range = ipv4Range(prefix);
    return range !== undefined && range.first <= address && address <= range.last;
  });
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

/** The gateway's set for the `index`th of {@link namesOf}. */
export function nameSet(index: number): string {
  return `name${index}`;
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
export function nameFeeds(all: readonly (WorkEgress | undefined)[]): readonly NameFeed[] {
  const names = namesOf(all);
  return names.map((name) => ({
    name,
    sets: names.flatMap((above, index) => (isBelow(name, above) ? [nameSet(index)] : [])),
  }));
}
