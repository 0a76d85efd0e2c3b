/** IPv6 that a server gave: whether a gate takes it, and what becomes of its links. */
import { describe, expect, test } from '@jest/globals';
import type { Config } from '../../../src/config/index.ts';
import { planLinks, USER_NETWORK } from '../../../src/core/link-plan.ts';
import { compileNft, type EgressPolicy, inForce } from '../../../src/core/policy/index.ts';
import { withInside } from '../../../src/supervisor/hops.ts';
import { allowedInside, mayHaveIpv6 } from '../../../src/supervisor/ipv6.ts';
import type { Session } from '../../../src/supervisor/world.ts';
import type { JudgedInside, TunnelPlan } from '../../../src/vpn/index.ts';
import { ipv6Policy, underwayPolicy } from '../core/policy/policies.ts';

const inside = { addresses: ['10.8.0.2/32'], resolvers: ['10.8.0.1'], searchDomains: [], mtu: 1_400 };
const ipv6 = { addresses: ['fd66::2/128'], routes: ['::/0'], resolvers: ['fd66::1'] };
const given: JudgedInside = { inside: { ...inside, ipv6 } };

const { ipv6: _, ...tunnel } = ipv6Policy.tunnel ?? never();
/** As it is before the server said anything: links that may have IPv6, and a tunnel without. */
const before: EgressPolicy = { ...ipv6Policy, tunnel };

function taken(
  judged: JudgedInside,
  mayHave: boolean,
  exit?: NonNullable<Config['verify']['exit']>['expect'],
  policy = before,
) {
  const told: string[] = [];
  const session = {
    plan: planLinks(['dev'], USER_NETWORK, [], 1, mayHave ? [] : undefined),
    config: { config: { verify: { exit: exit && { url: 'https://ip.example/', expect: exit } } } as unknown as Config },
  } as unknown as Session;
  const allowed = allowedInside(session, judged, policy, (code, payload) => {
    told.push(JSON.stringify(payload));
    return code as never;
  });
  return { allowed, told };
}

describe('what a server gave', () => {
  test('is taken where the links can have it', () => {
    expect(taken(given, true)).toEqual({ allowed: given.inside, told: [] });
  });

  test('is not where the exit is expected by IPv4 addresses alone, and why', () => {
    const { allowed, told } = taken(given, false, { kind: 'address', prefixes: ['203.0.113.0/24'] });
    expect([allowed, told]).toEqual([inside, [expect.stringContaining('names no IPv6 address')]]);
  });

  test('and could not be used: why', () => {
    const off = { inside, ipv6Off: 'no machine can be reached at it' };
    expect(taken(off, true)).toEqual({ allowed: inside, told: [expect.stringContaining('no machine')] });
  });

  test('none: nothing is told, whatever is expected of the exit', () => {
    expect(taken({ inside }, false, { kind: 'address', prefixes: ['203.0.113.0/24'] })).toEqual({
      allowed: inside,
      told: [],
    });
  });

  test('to a hop that carries another is nothing to it', () => {
    expect(taken(given, true, undefined, underwayPolicy)).toEqual({ allowed: inside, told: [] });
  });
});

describe('the policy', () => {
  const text = (policy: EgressPolicy) => JSON.stringify(compileNft(policy));

  test('has IPv6 on links and tunnel once the server gave it', () => {
    const after = withInside(before, given.inside);
    expect(after.tunnel?.ipv6).toEqual({ routes: ['::/0'], resolvers: ['fd66::1'] });
    expect(inForce(after).links.every((link) => link.ipv6 !== undefined)).toBe(true);
    expect(text(after)).toContain('"ip6"');
  });

  test('and none before, or when it gave none, whatever is planned for the links', () => {
    for (const policy of [before, withInside(before, inside), { ...ipv6Policy, tunnel: undefined }]) {
      expect(inForce(policy).links.some((link) => link.ipv6 !== undefined)).toBe(false);
      expect(text(policy)).not.toMatch(/ip6|icmpv6|ipv6/);
    }
  });
});

test('a plan may have it if the profile says it or leaves it to the server', () => {
  const plan = {} as TunnelPlan;
  expect([
    mayHaveIpv6(plan),
    mayHaveIpv6({ ...plan, ipv6 }),
    mayHaveIpv6({ ...plan, possibleIpv6: { routes: [], serverRoutes: true } }),
  ]).toEqual([false, true, true]);
});

function never(): never {
  throw new Error('a policy without tunnel');
}
