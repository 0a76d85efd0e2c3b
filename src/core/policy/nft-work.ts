/**
 * One work VM's rules in the gateway: a chain of its own, which the first packet of each connection goes through. What it
 * lets begin goes on for as long as the lease lives, also when an address of a name has run out meanwhile.
 *
 * What is denied is told so by ICMP, on that VM's own link: a program that hears "prohibited" does not hang.
 */
import { ipv6Range } from '../ipv6.ts';
import type { PolicyLink } from './egress-policy.ts';
import {
  accept,
  count,
  drop,
  type Expression,
  field,
  icmpOnly,
  icmpv6Only,
  ipv4Only,
  ipv6Only,
  type Json,
  prefix,
  prefix6,
  rejectProhibited,
  tcpOnly,
  udpOnly,
} from './nft-expressions.ts';
import {
  type EgressRule,
  NAME_ADDRESSES,
  NAME_SECONDS,
  NEVER_NAMED,
  NEVER_NAMED6,
  nameSet,
  nameSet6,
  namesOf,
  PRIVATE,
  PRIVATE6,
  type RuleProtocol,
} from './work-egress.ts';

/** Counts what a rule of a link denied: by the rule's place (from 0), or what fitted none. */
export type DenialCounter = `${string}_denied_${number | 'rest'}`;

/** The chain of a link's rules; undefined for a link that may reach everything. */
export function workChain({ ifname, egress }: PolicyLink): string | undefined {
  return egress === undefined ? undefined : `egress_${ifname}`;
}

function denialCounter({ ifname }: PolicyLink, rule: number | 'rest'): DenialCounter {
  return `${ifname}_denied_${rule}`;
}

/** Whose rule a counter speaks of; undefined for another counter. */
export function denialOf(counter: string): { readonly ifname: string; readonly rule: number | 'rest' } | undefined {
  const [, ifname, rule] = /^(work\d{1,2})_denied_(\d{1,3}|rest)$/.exec(counter) ?? [];
  if (ifname === undefined || rule === undefined) return undefined;
  return { ifname, rule: rule === 'rest' ? rule : Number(rule) };
}

/** The counters of all links' rules that can deny. */
export function workCounters(links: readonly PolicyLink[]): readonly DenialCounter[] {
  return links.flatMap((link) => {
    if (link.egress === undefined) return [];
    const denying = link.egress.rules.flatMap(({ action }, index) => (action === 'deny' ? [index] : []));
    return [...denying, 'rest' as const].map((rule) => denialCounter(link, rule));
  });
}

/** The sets that rules with names need: the names' own, filled by the gateway's resolver, and what no name may mean. */
export function workSets(links: readonly PolicyLink[]): readonly { readonly [key: string]: Json }[] {
  const names = namesOf(links.map(({ egress }) => egress));
  if (names.length === 0) return [];
  return [
    ...familySets(
      'ipv4_addr',
      ['never_named', NEVER_NAMED],
      ['private', PRIVATE],
      names.map((_, at) => nameSet(at)),
    ),
    ...(links.some(({ ipv6 }) => ipv6 !== undefined)
      ? familySets(
          'ipv6_addr',
          ['never_named_6', NEVER_NAMED6],
          ['private_6', PRIVATE6],
          names.map((_, at) => nameSet6(at)),
        )
      : []),
  ];
}

type FixedSet = readonly [name: string, prefixes: readonly string[]];

function familySets(
  type: 'ipv4_addr' | 'ipv6_addr',
  never: FixedSet,
  inner: FixedSet,
  names: readonly string[],
): readonly { readonly [key: string]: Json }[] {
  const fixed = ([name, prefixes]: FixedSet) => ({
    name,
    type,
    flags: ['interval'],
    elem: prefixes.map((text) => {
      const [addr = '', len = ''] = text.split('/');
      return { prefix: { addr, len: Number(len) } };
    }),
  });
  const timed = (name: string) => ({ name, type, flags: ['timeout'], size: NAME_ADDRESSES, timeout: NAME_SECONDS });
  return [fixed(never), fixed(inner), ...names.map(timed)];
}

/** The rules of a link's chain; the last fits everything, of either family. */
export function workRules(link: PolicyLink, links: readonly PolicyLink[]): Expression[][] {
  const { egress } = link;
  if (egress === undefined) return [];
  const names = namesOf(links.map((one) => one.egress));
  const families: readonly Family[] = link.ipv6 === undefined ? [4] : [4, 6];
  const end = (rule: number | 'rest', action: 'allow' | 'deny') =>
    action === 'allow' ? [count('to_tunnel'), accept] : [count(denialCounter(link, rule)), rejectProhibited];
  return [
    // Nobody's port, which "any TCP" below leaves out.
    [field('tcp', 'dport', 0), count(denialCounter(link, 'rest')), drop],
    [field('udp', 'dport', 0), count(denialCounter(link, 'rest')), drop],
    ...egress.rules.flatMap((rule, index) =>
      matches(rule, names, families).map((match) => [...match, ...end(index, rule.action)]),
    ),
    end('rest', egress.otherwise),
  ];
}

type Family = 4 | 6;

/** Every way to fit a rule: one list of matches for each family it speaks of apart, protocol and range of ports. */
function matches(rule: EgressRule, names: readonly string[], families: readonly Family[]): readonly Expression[][] {
  const { to } = rule;
  switch (to.kind) {
    case 'anywhere':
      return protocolsOf(rule, families);
    case 'prefix': {
      const family = to.prefix.includes(':') ? 6 : 4;
      if (!families.includes(family)) return [];
      // Of a link that has no IPv6 everything is IPv4.
      if (to.prefix === '0.0.0.0/0' && families.length === 1) return protocolsOf(rule, [4]);
      return protocolsOf(rule, [family]).map((match) => [...inPrefix(to.prefix, match), ...match]);
    }
    case 'name':
      return families.flatMap((family) => {
        const named = answeredWith(names.indexOf(to.name), family, to.allowPrivate);
        return protocolsOf(rule, [family]).map((match) => [...named, ...match]);
      });
  }
}

/** `match` is what stands behind it: ICMP says its family itself, and nft leaves out what is said twice. */
function inPrefix(text: string, match: readonly Expression[]): readonly Expression[] {
  const isSaid = match.includes(icmpOnly) || match.includes(icmpv6Only);
  if (text === '0.0.0.0/0') return isSaid ? [] : [ipv4Only];
  if (text === '::/0') return isSaid ? [] : [ipv6Only];
  if (ipv6Range(text) !== undefined) return [prefix6('daddr', text)];
  const [address = '', length = '32'] = text.split('/');
  return [prefix('daddr', address, Number(length))];
}

function answeredWith(index: number, family: Family, allowPrivate: boolean): readonly Expression[] {
  const protocol = family === 4 ? 'ip' : 'ip6';
  const end = family === 4 ? '' : '_6';
  const outside = (set: string) => field(protocol, 'daddr', `@${set}${end}`, '!=');
  return [
    field(protocol, 'daddr', `@${family === 4 ? nameSet(index) : nameSet6(index)}`),
    outside('never_named'),
    ...(allowPrivate ? [] : [outside('private')]),
  ];
}

/** One list of matches for each protocol and range of ports: a rule of nft says one of them. */
function protocolsOf({ protocols, ports }: EgressRule, families: readonly Family[]): readonly Expression[][] {
  if (ports.length > 0) {
    const carrying: readonly RuleProtocol[] = protocols.length === 0 ? ['tcp', 'udp'] : protocols;
    return carrying.flatMap((protocol) =>
      ports.map(({ first, last }) => [field(protocol, 'dport', first === last ? first : { range: [first, last] })]),
    );
  }
  return protocols.length === 0 ? [[]] : protocols.flatMap((protocol) => anyOf(protocol, families));
}

function anyOf(protocol: RuleProtocol, families: readonly Family[]): readonly Expression[][] {
  if (protocol === 'icmp') return families.map((family) => [family === 4 ? icmpOnly : icmpv6Only]);
  return [[protocol === 'tcp' ? tcpOnly : udpOnly]];
}
