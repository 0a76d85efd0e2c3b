/**
 * The gateway's firewall and the guard, held to each other on the uplink: what a well-formed packet of the gateway's is
 * headed for decides, and both decide the same. What only the guard knows (shapes, frames that are no IPv4) is not asked.
 */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { VPN_USER } from '../../../../src/core/policy/egress-policy.ts';
import {
  compileNft,
  type Defence,
  type EgressPolicy,
  judgeFrame,
  type RemovedDefences,
  uplinkSocket,
} from '../../../../src/core/policy/index.ts';
import { buildDhcpClient, buildDnsQuery, tcpSynFrame, udpFrame } from '../../../../src/frame/index.ts';
import { espPacket, hop, ikeMessage, message } from './frames.ts';
import {
  bootPolicy,
  chainPolicy,
  dhcpPolicy,
  openconnectPolicy,
  openPolicy,
  openvpnTcpPolicy,
  portalPolicy,
  rulesPolicy,
  underwayPolicy,
} from './policies.ts';

interface Header {
  readonly protocol: 'udp' | 'tcp';
  readonly daddr: string;
  readonly sport: number;
  readonly dport: number;
}

const policies: Readonly<Record<string, EgressPolicy>> = {
  boot: bootPolicy,
  open: openPolicy,
  dhcp: dhcpPolicy,
  ipsec: { ...openPolicy, endpoints: openPolicy.endpoints.map((one) => ({ ...one, shape: 'ipsec' })) },
  'openvpn by tcp': openvpnTcpPolicy,
  openconnect: openconnectPolicy,
  rules: rulesPolicy,
  underway: underwayPolicy,
  chain: chainPolicy,
  portal: portalPolicy,
  'portal, with DHCP': { ...portalPolicy, uplink: dhcpPolicy.uplink },
};
const without = (defence: Defence) => new Set([defence]) as unknown as RemovedDefences;
const MARK = openPolicy.tunnel?.mark ?? 0;
const SOURCE = '10.0.2.15';
/** A record of data. */
const DTLS = Buffer.concat([Buffer.from('17fefd00010000000000010020', 'hex'), Buffer.alloc(32)]);

/** So few values that they meet. */
const anyHeader: fc.Arbitrary<Header> = fc.record({
  protocol: fc.constantFrom('udp', 'tcp'),
  daddr: fc.constantFrom(
    '198.51.100.7',
    '203.0.113.20',
    '10.0.2.2',
    '10.0.2.3',
    '203.0.113.40',
    '203.0.113.41',
    '9.9.9.9',
    '10.64.0.1',
  ),
  sport: fc.constantFrom(40_001, 40_002, 1_024, 50_000),
  dport: fc.constantFrom(51_820, 51_821, 53, 80, 443, 22, 8_080, 853),
});
const dhcpHeader: Header = { protocol: 'udp', daddr: '10.0.2.2', sport: 68, dport: 67 };

type Match = {
  readonly left: {
    readonly meta?: { key: string };
    readonly payload?: { field: string; protocol: string };
    readonly ct?: { key: string };
    /** Flags of TCP. */
    readonly '&'?: unknown;
  };
};
type Expression = { readonly match?: Match & { readonly op: string; readonly right: unknown } } & Record<
  string,
  unknown
>;

interface Rule {
  readonly chain: string;
  readonly expr: readonly Expression[];
}

function outputChain(policy: EgressPolicy, removed?: RemovedDefences): readonly Rule[] {
  const commands = compileNft(policy, removed).nftables as readonly { readonly add?: { readonly rule?: Rule } }[];
  return commands.flatMap(({ add }) => (add?.rule?.chain === 'output' ? [add.rule] : []));
}

/** The output chain, read as nft reads it: the first rule whose every match holds says. */
function firewallPasses(rules: readonly Rule[], header: Header): boolean {
  const values: Readonly<Record<string, unknown>> = {
    'meta oifname': 'up0',
    'meta mark': MARK,
    'meta skuid': VPN_USER,
    'meta nfproto': 'ipv4',
    'ip saddr': SOURCE,
    'ip daddr': header.daddr,
    [`${header.protocol} sport`]: header.sport,
    [`${header.protocol} dport`]: header.dport,
  };
  for (const { expr } of rules) {
    const holds = expr.every(({ match }) => match === undefined || fits(match, values));
    if (holds && expr.some((one) => 'accept' in one)) return true;
    if (holds && expr.some((one) => 'drop' in one)) return false;
  }
  throw new Error('the output chain does not end');
}

function fits(
  { left, op, right }: NonNullable<Expression['match']>,
  values: Readonly<Record<string, unknown>>,
): boolean {
  const { meta, payload, ct } = left;
  // The first packet of a connection, a SYN.
  if (ct !== undefined) return [right].flat().includes(ct.key === 'state' ? 'new' : 'original');
  if ('&' in left) return values['tcp dport'] !== undefined && op === '==' && right === 'syn';
  const key = meta === undefined ? `${payload?.protocol} ${payload?.field}` : `meta ${meta.key}`;
  if (op !== '==' || (meta === undefined && payload === undefined)) throw new Error(`not on the uplink: ${key} ${op}`);
  const value = values[key];
  if (typeof right !== 'object' || right === null || !('range' in right)) return value === right;
  const [first, last] = right.range as readonly [number, number];
  return typeof value === 'number' && first <= value && value <= last;
}

/** A packet with that header and a shape that the guard has nothing against, whichever flow of the policy it is of. */
function guardPasses(whole: EgressPolicy, { protocol, daddr, sport, dport }: Header): boolean {
  // What the guard is told: of a chain, the first hop alone.
  const policy = { ...whole, tunnel: uplinkSocket(whole) };
  const flow = { source: SOURCE, destination: daddr, sourcePort: sport, destinationPort: dport };
  if (protocol === 'tcp') return judgeFrame(policy, tcpSynFrame(hop, flow, 1)).verdict === 'pass';
  const dhcp = buildDhcpClient({ type: 3, mac: policy.uplink.mac, transaction: 1, clientAddress: SOURCE });
  const tunnel = [message(1, 148), ikeMessage(34, 400), espPacket(120), DTLS];
  const payloads = [...tunnel, buildDnsQuery(7, policy.portal?.names[0] ?? 'any.example'), dhcp];
  return payloads.some((payload) => judgeFrame(policy, udpFrame(hop, flow, payload)).verdict === 'pass');
}

describe.each(Object.entries(policies))('%s', (_name, policy) => {
  const rules = outputChain(policy);

  test('firewall and guard let the same packets out', () => {
    fc.assert(
      fc.property(anyHeader, (header) => {
        expect(firewallPasses(rules, header)).toBe(guardPasses(policy, header));
      }),
      { numRuns: 2_000 },
    );
    expect(firewallPasses(rules, dhcpHeader)).toBe(guardPasses(policy, dhcpHeader));
  });

  test('anti-test: with its output rules taken away the firewall lets out what the guard does not', () => {
    const stranger: Header = { protocol: 'udp', daddr: '9.9.9.9', sport: 50_000, dport: 53 };
    expect(guardPasses(policy, stranger)).toBe(false);
    expect(firewallPasses(outputChain(policy, without('uplink-output')), stranger)).toBe(true);
  });
});

test('both let out what the policy is for', () => {
  const tunnel: Header = { protocol: 'udp', daddr: '198.51.100.7', sport: 40_001, dport: 51_820 };
  const page: Header = { protocol: 'tcp', daddr: '203.0.113.41', sport: 50_000, dport: 443 };
  for (const [policy, header] of [
    [openPolicy, tunnel],
    [portalPolicy, page],
  ] as const) {
    expect([firewallPasses(outputChain(policy), header), guardPasses(policy, header)]).toEqual([true, true]);
  }
});
