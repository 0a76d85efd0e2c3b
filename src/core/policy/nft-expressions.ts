/**
 * nftables expressions in the very form `nft -j list ruleset` prints them (libnftables-json(5), nft 1.0.6 and 1.1.3),
 * so that what was loaded can be compared with what is there without a second compiler.
 */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type Expression = { readonly [key: string]: Json };

type Direction = 'original' | 'reply';
type State = 'established' | 'related' | 'new';

export const accept: Expression = { accept: null };
export const drop: Expression = { drop: null };
export const masquerade: Expression = { masquerade: null };
/** To this machine itself, at its address on the card the packet came by. */
export const redirect: Expression = { redirect: null };
/** Answers the sender by ICMP: administratively prohibited. */
export const rejectProhibited: Expression = { reject: { type: 'icmpx', expr: 'admin-prohibited' } };

/** Answers a TCP segment by a reset, in the name of whom it was meant for. */
export const rejectReset: Expression = { reject: { type: 'tcp reset' } };

export function jump(target: string): Expression {
  return { jump: { target } };
}

export function iifname(name: string): Expression {
  return match({ meta: { key: 'iifname' } }, name);
}

export function oifname(name: string): Expression {
  return match({ meta: { key: 'oifname' } }, name);
}

/** `field` of the header of `protocol`; the order of the parts is nft's. */
export function field(
  protocol: 'ether' | 'ip' | 'ip6' | 'udp' | 'tcp' | 'icmp' | 'icmpv6',
  name: string,
  value: Json,
  op: '==' | '!=' = '==',
): Expression {
  return match({ payload: { protocol, field: name } }, value, op);
}

export function prefix(name: 'saddr' | 'daddr', address: string, length: number): Expression {
  return field('ip', name, length === 32 ? address : { prefix: { addr: address, len: length } });
}

/** {@link prefix} of IPv6, in its one form. */
export function prefix6(name: 'saddr' | 'daddr', text: string): Expression {
  const [addr = '', length = '128'] = text.split('/');
  return field('ip6', name, length === '128' ? addr : { prefix: { addr, len: Number(length) } });
}

export function mark(value: number): Expression {
  return match({ meta: { key: 'mark' } }, value);
}

/** What a process of that user sends, by number. */
export function user(id: number): Expression {
  return match({ meta: { key: 'skuid' } }, id);
}

/** IPv4 packets only. Not to be followed by an `ip` or `icmp` field: nft then leaves this match out of its listing. */
export const ipv4Only: Expression = match({ meta: { key: 'nfproto' } }, 'ipv4');
/** Twin of {@link ipv4Only}. */
export const ipv6Only: Expression = match({ meta: { key: 'nfproto' } }, 'ipv6');

/**
 * Any TCP packet. `meta l4proto tcp` would say it plainly, but is listed as a name or as a number depending on
 * whether the machine has /etc/protocols.
 */
export const tcpOnly: Expression = match({ payload: { protocol: 'tcp', field: 'dport' } }, 0, '!=');
/** Twin of {@link tcpOnly}. */
export const udpOnly: Expression = match({ payload: { protocol: 'udp', field: 'dport' } }, 0, '!=');
/** ICMP that begins something: connection tracking calls no ICMP of type 255 new (nf_conntrack_proto_icmp.c). */
export const icmpOnly: Expression = match({ payload: { protocol: 'icmp', field: 'type' } }, 255, '!=');

/** ICMPv6 that begins something, as {@link icmpOnly} (RFC 4443, section 2.1: 255 is reserved). */
export const icmpv6Only: Expression = match({ payload: { protocol: 'icmpv6', field: 'type' } }, 255, '!=');

type Icmpv6Type =
  | 'destination-unreachable'
  | 'packet-too-big'
  | 'nd-router-solicit'
  | 'nd-router-advert'
  | 'nd-neighbor-solicit'
  | 'nd-neighbor-advert';

export function icmpv6Types(...types: readonly Icmpv6Type[]): Expression {
  return field('icmpv6', 'type', { set: types });
}

/** From a neighbour: no router passes such a packet on (RFC 5082, and RFC 4861 of neighbour discovery). */
export const fromNeighbour: Expression = match({ payload: { protocol: 'ip6', field: 'hoplimit' } }, 255);

/** The first packet of a connection: a SYN that answers none. */
export const synOnly: Expression = match(
  { '&': [{ payload: { protocol: 'tcp', field: 'flags' } }, ['syn', 'ack']] },
  'syn',
);

/** TCP that begins nothing. */
export const midStream: Expression = match(
  { '&': [{ payload: { protocol: 'tcp', field: 'flags' } }, ['syn', 'ack']] },
  'syn',
  '!=',
);
/** A reset and nothing else. */
export const resetOnly: Expression = match(
  { '&': [{ payload: { protocol: 'tcp', field: 'flags' } }, ['syn', 'rst']] },
  'rst',
);

export function udpPorts(sport: number, dport: number): Expression[] {
  return [field('udp', 'sport', sport), field('udp', 'dport', dport)];
}

/** Several states are listed in the kernel's bit order: established, related, new. */
export function ctState(...states: readonly State[]): Expression {
  return {
    match: { op: 'in', left: { ct: { key: 'state' } }, right: states.length === 1 ? (states[0] ?? '') : states },
  };
}

export function ctDirection(direction: Direction): Expression {
  return match({ ct: { key: 'direction' } }, direction);
}

/**
 * Sent in the name of an address that the interface it leaves by has. Said so, no rule needs to know which ones that are: a
 * server gives them, of either family.
 */
export const fromItsOwn: Expression = match({ fib: { result: 'type', flags: ['saddr', 'oif'] } }, 'local');

/** A named counter of the same table. */
export function count(counter: string): Expression {
  return { counter };
}

/**
 * Lowers the MSS of a SYN (or SYN/ACK) to what both the route onward and the route back can carry; `rt mtu` looks at
 * both, and the kernel never raises an MSS (net/netfilter/nft_rt.c, nft_exthdr.c).
 */
export const clampMss: readonly Expression[] = [
  match({ '&': [{ payload: { protocol: 'tcp', field: 'flags' } }, ['syn', 'rst']] }, 'syn'),
  { mangle: { key: { 'tcp option': { name: 'maxseg', field: 'size' } }, value: { rt: { key: 'mtu' } } } },
];

function match(left: Expression, right: Json, op: '==' | '!=' = '=='): Expression {
  return { match: { op, left, right } };
}
