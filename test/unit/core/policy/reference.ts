/**
 * What a work VM's rules mean, read off them one by one and nothing else: the compilers are held to this. And random rules
 * and packets to hold them with, from so few values that they meet.
 */
import fc from 'fast-check';
import type { EgressRule, RuleAction, WorkEgress } from '../../../../src/core/policy/work-egress.ts';

export interface TriedPacket {
  readonly address: string;
  readonly protocol: 'tcp' | 'udp' | 'icmp' | 'other';
  readonly port: number;
}

/** What each name was answered with. */
export type Answers = Readonly<Record<string, readonly string[]>>;

export function judge({ rules, otherwise }: WorkEgress, packet: TriedPacket, answers: Answers): RuleAction {
  if (hasPorts(packet) && packet.port === 0) return 'deny';
  return rules.find((rule) => fits(rule, packet, answers))?.action ?? otherwise;
}

function hasPorts({ protocol }: TriedPacket): boolean {
  return protocol === 'tcp' || protocol === 'udp';
}

function fits({ to, protocols, ports }: EgressRule, packet: TriedPacket, answers: Answers): boolean {
  if (protocols.length > 0 && !protocols.some((protocol) => protocol === packet.protocol)) return false;
  if (ports.length > 0) {
    if (!hasPorts(packet) || !ports.some(({ first, last }) => first <= packet.port && packet.port <= last))
      return false;
  }
  if (to.kind === 'anywhere') return true;
  if (to.kind === 'prefix') {
    if (isIpv6(to.prefix) !== isIpv6(packet.address)) return false;
    return bits(packet.address).startsWith(bits(to.prefix).slice(0, lengthOf(to.prefix)));
  }
  const named = Object.entries(answers).flatMap(([name, addresses]) =>
    name === to.name || name.endsWith(`.${to.name}`) ? addresses : [],
  );
  if (!named.includes(packet.address)) return false;
  if (isIpv6(packet.address)) {
    if (/^(::1?$|::ffff:|fe[89ab]|ff)/.test(packet.address)) return false;
    return to.allowPrivate || !/^(64:ff9b:(1:|:)|f[cd]|fe[c-f])/.test(packet.address);
  }
  if (/^(0|127|169\.254|22[4-9]|2[345]\d)\./.test(packet.address)) return false;
  const inner = /^(10|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])|172\.(1[6-9]|2\d|3[01])|192\.168)\./.test(packet.address);
  return to.allowPrivate || !inner;
}

function isIpv6(text: string): boolean {
  return text.includes(':');
}

function lengthOf(prefix: string): number {
  return Number(prefix.split('/')[1] ?? '32');
}

function bits(text: string): string {
  const [address = ''] = text.split('/');
  if (isIpv6(address)) {
    const [before = [], after = []] = address
      .split('::')
      .map((half) => half.split(':').filter((group) => group !== ''));
    const groups = [...before, ...Array<string>(8 - before.length - after.length).fill('0'), ...after];
    return groups.map((group) => Number.parseInt(group, 16).toString(2).padStart(16, '0')).join('');
  }
  return address
    .split('.')
    .map((part) => Number(part).toString(2).padStart(8, '0'))
    .join('');
}

/** The last is told by no name. */
export const ADDRESSES = ['9.9.9.9', '9.8.7.6', '10.64.0.2', '192.168.1.1', '127.0.0.1', '8.8.8.8'] as const;
/** The last is told by no name. */
export const ADDRESSES6 = ['2001:db8::9', '2001:db8:1::6', 'fd00:64::2', '64:ff9b::a40:2', '2001:db9::8'] as const;
export const ANSWERS: Answers = {
  'bank.example': ['9.9.9.9', '127.0.0.1', '2001:db8::9'],
  'www.bank.example': ['9.8.7.6', '192.168.1.1', '2001:db8:1::6', 'fd00:64::2'],
  'shop.example': ['10.64.0.2', '64:ff9b::a40:2'],
};

const range = fc
  .tuple(fc.constantFrom(1, 25, 53, 443, 7_000, 65_535), fc.constantFrom(0, 0, 1, 500))
  .map(([first, more]) => ({ first, last: Math.min(65_535, first + more) }));

const target: fc.Arbitrary<EgressRule['to']> = fc.oneof(
  fc.constant({ kind: 'anywhere' as const }),
  fc
    .constantFrom('9.9.9.9/32', '9.0.0.0/8', '9.8.0.0/15', '10.0.0.0/8', '192.168.0.0/16', '8.8.8.8/32', '0.0.0.0/0')
    .map((prefix) => ({ kind: 'prefix' as const, prefix })),
  fc
    .constantFrom('2001:db8::/32', '2001:db8::9/128', '2001:db8:1::/48', 'fc00::/7', '64:ff9b::/96', '::/0')
    .map((prefix) => ({ kind: 'prefix' as const, prefix })),
  fc
    .tuple(fc.constantFrom('bank.example', 'www.bank.example', 'shop.example'), fc.boolean())
    .map(([name, allowPrivate]) => ({ kind: 'name' as const, name, allowPrivate })),
);

const action = fc.constantFrom<RuleAction>('allow', 'deny');

const rule: fc.Arbitrary<EgressRule> = fc.oneof(
  fc.record({
    action,
    to: target,
    protocols: fc.uniqueArray(fc.constantFrom('tcp' as const, 'udp' as const, 'icmp' as const), { maxLength: 3 }),
    ports: fc.constant([]),
  }),
  fc.record({
    action,
    to: target,
    protocols: fc.uniqueArray(fc.constantFrom('tcp' as const, 'udp' as const), { maxLength: 2 }),
    ports: fc.array(range, { minLength: 1, maxLength: 3 }),
  }),
);

export const anyEgress: fc.Arbitrary<WorkEgress> = fc.record({
  rules: fc.array(rule, { maxLength: 8 }),
  otherwise: action,
});

function packetsTo(addresses: readonly string[]): fc.Arbitrary<TriedPacket> {
  return fc.record({
    address: fc.constantFrom(...addresses),
    protocol: fc.constantFrom('tcp', 'udp', 'icmp', 'other'),
    port: fc.oneof(
      fc.constantFrom(0, 1, 25, 26, 53, 443, 444, 7_000, 7_400, 7_501, 65_535),
      fc.integer({ min: 0, max: 65_535 }),
    ),
  });
}

export const anyPacket4 = packetsTo(ADDRESSES);
export const anyPacket6 = packetsTo(ADDRESSES6);
export const anyPacket = fc.oneof(anyPacket4, anyPacket6);
