/**
 * One work VM's rules in the gateway: a chain of its own, which the first packet of each connection goes through. What it
 * lets begin goes on for as long as the lease lives, also when an address of a name has run out meanwhile.
 *
 * What is denied is told so by ICMP, on that VM's own link: a program that hears "prohibited" does not hang.
 */
import type { PolicyLink } from './egress-policy.ts';
import {
  accept,
  count,
  drop,
  type Expression,
  field,
  icmpOnly,
  type Json,
  prefix,
  rejectProhibited,
  tcpOnly,
  udpOnly,
} from './nft-expressions.ts';
import {
  type EgressRule,
  NAME_ADDRESSES,
  NAME_SECONDS,
  NEVER_NAMED,
  nameSet,
  namesOf,
  PRIVATE,
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
  const fixed = (name: string, prefixes: readonly string[]) => ({
    name,
    type: 'ipv4_addr',
    flags: ['interval'],
    elem: prefixes.map((text) => {
      const [addr = '', len = ''] = text.split('/');
      return { prefix: { addr, len: Number(len) } };
    }),
  });
  return [
    fixed('never_named', NEVER_NAMED),
    fixed('private', PRIVATE),
    ...names.map((_, index) => ({
      ...{ name: nameSet(index), type: 'ipv4_addr', flags: ['timeout'] },
      ...{ size: NAME_ADDRESSES, timeout: NAME_SECONDS },
    })),
  ];
}

/** The rules of a link's chain; the last fits everything. */
export function workRules(link: PolicyLink, links: readonly PolicyLink[]): Expression[][] {
  const { egress } = link;
  if (egress === undefined) return [];
  const names = namesOf(links.map((one) => one.egress));
  const end = (rule: number | 'rest', action: 'allow' | 'deny') =>
    action === 'allow' ? [count('to_tunnel'), accept] : [count(denialCounter(link, rule)), rejectProhibited];
  return [
    // Nobody's port, which "any TCP" below leaves out.
    [field('tcp', 'dport', 0), count(denialCounter(link, 'rest')), drop],
    [field('udp', 'dport', 0), count(denialCounter(link, 'rest')), drop],
    ...egress.rules.flatMap((rule, index) =>
      protocolsOf(rule).map((protocol) => [...target(rule, names), ...protocol, ...end(index, rule.action)]),
    ),
    end('rest', egress.otherwise),
  ];
}

function target({ to }: EgressRule, names: readonly string[]): Expression[] {
  switch (to.kind) {
    case 'anywhere':
      return [];
    case 'prefix': {
      const [address = '', length = '32'] = to.prefix.split('/');
      return length === '0' ? [] : [prefix('daddr', address, Number(length))];
    }
    case 'name': {
      const outside = (set: string) => field('ip', 'daddr', `@${set}`, '!=');
      return [
        field('ip', 'daddr', `@${nameSet(names.indexOf(to.name))}`),
        outside('never_named'),
        ...(to.allowPrivate ? [] : [outside('private')]),
      ];
    }
  }
}

/** One list of matches for each protocol and range of ports: a rule of nft says one of them. */
function protocolsOf({ protocols, ports }: EgressRule): readonly Expression[][] {
  if (ports.length > 0) {
    const carrying: readonly RuleProtocol[] = protocols.length === 0 ? ['tcp', 'udp'] : protocols;
    return carrying.flatMap((protocol) =>
      ports.map(({ first, last }) => [field(protocol, 'dport', first === last ? first : { range: [first, last] })]),
    );
  }
  return protocols.length === 0 ? [[]] : protocols.map((protocol) => [ANY_OF[protocol]]);
}

const ANY_OF = { tcp: tcpOnly, udp: udpOnly, icmp: icmpOnly } as const;
