import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ON_LOSS, parseDuration } from '../../../src/config/index.ts';
import { within } from '../../../src/core/checks/prefix.ts';
import { VmgateError } from '../../../src/core/coded.ts';
import type { VerifyPolicy } from '../../../src/template/definition.ts';
import { tightenNeeds, tightenOnLoss, tightenVerify } from '../../../src/template/tighten.ts';
import type { VpnNeeds } from '../../../src/template/vpn.ts';

const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const onLoss = maybe(fc.constantFrom(...ON_LOSS));
const duration = maybe(fc.constantFrom('5s', '10s', '20s', '30s', '10000ms', '1m', '60s'));
const prefixes = fc.array(
  fc.constantFrom(
    '10.0.0.0/8',
    '10.1.0.0/16',
    '10.1.2.0/24',
    '10.1.2.3',
    '10.1.2.3/32',
    '192.0.2.0/24',
    '2001:db8::/32',
  ),
  { minLength: 1, maxLength: 5 },
);
const json = fc
  .dictionary(fc.constantFrom('a', 'b', 'c'), fc.constantFrom<string | boolean>(true, 'SE'), { minKeys: 1 })
  .map((fields) => ({ json: { ...fields } }));
const exit = maybe(
  fc.record({ url: fc.constantFrom('https://a.example', 'https://b.example'), expect: fc.oneof(prefixes, json) }),
);
const policy = maybe(
  fc
    .record({ exit, every: duration, maxAge: duration })
    .map((all) => Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as VerifyPolicy),
);
const needs = maybe(
  fc
    .record({
      kind: fc.constantFrom('wireguard', 'openvpn'),
      endpoint: maybe(fc.constantFrom('a.example:1', 'b.example:1')),
      split: maybe(fc.boolean()),
      allowedIps: maybe(fc.uniqueArray(fc.constantFrom('10.0.0.0/8', '0.0.0.0/0'), { minLength: 1 })),
      dns: maybe(fc.uniqueArray(fc.constantFrom('10.0.0.1', '10.0.0.2', '10.0.0.3'), { minLength: 1 })),
    })
    .map((all) => Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as VpnNeeds),
);

/** What comes out, or that there is nothing both allow. */
function outcome<T>(make: () => T): T | 'conflict' {
  try {
    return make();
  } catch (cause) {
    if (VmgateError.is(cause) && cause.code === 'TEMPLATE_CONFLICT') return 'conflict';
    throw cause;
  }
}

describe.each([
  ['onLoss', onLoss, tightenOnLoss as (a: unknown, b: unknown) => unknown],
  ['verify', policy, tightenVerify as (a: unknown, b: unknown) => unknown],
  ['vpn', needs, tightenNeeds as (a: unknown, b: unknown) => unknown],
])('%s', (_, values, tighten) => {
  /** Sets are written in one order. */
  const plain = (value: unknown) => JSON.stringify(value, sorted);
  const same = (one: unknown, other: unknown) => expect(plain(one)).toBe(plain(other));

  test('is commutative', () => {
    fc.assert(
      fc.property(values, values, (a, b) => {
        same(
          outcome(() => tighten(a, b)),
          outcome(() => tighten(b, a)),
        );
      }),
    );
  });

  test('is idempotent: with its own result, and with each of the two again, nothing changes', () => {
    fc.assert(
      fc.property(values, values, (a, b) => {
        const both = outcome(() => tighten(a, b));
        if (both === 'conflict') return;
        for (const again of [both, a, b])
          same(
            outcome(() => tighten(both, again)),
            both,
          );
      }),
    );
  });
});

function sorted(_: string, value: unknown): unknown {
  if (Array.isArray(value)) return [...new Set(value)].toSorted();
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

describe('never widens', () => {
  test('an address, an age or a period that one of the two refuses', () => {
    fc.assert(
      fc.property(policy, policy, (a, b) => {
        const both = outcome(() => tightenVerify(a, b));
        if (both === 'conflict' || both === undefined) return;
        for (const one of [a, b]) {
          for (const key of ['every', 'maxAge'] as const) {
            const most = one?.[key];
            if (most !== undefined)
              expect(parseDuration(both[key] ?? '')).toBeLessThanOrEqual(parseDuration(most) ?? 0);
          }
          const [wanted, found] = [one?.exit?.expect, both.exit?.expect];
          if (wanted === undefined) continue;
          if (Array.isArray(wanted)) {
            expect(Array.isArray(found) && found.every((x) => wanted.some((y) => within(x, y)))).toBe(true);
          } else {
            expect(found).toMatchObject(wanted);
          }
        }
      }),
    );
  });

  test('what happens when the gate closes', () => {
    fc.assert(
      fc.property(onLoss, onLoss, (a, b) => {
        const both = ON_LOSS.indexOf(tightenOnLoss(a, b) ?? 'block');
        for (const one of [a, b]) expect(both).toBeGreaterThanOrEqual(ON_LOSS.indexOf(one ?? 'block'));
      }),
    );
  });

  test('which VPN it may be', () => {
    fc.assert(
      fc.property(needs, needs, (a, b) => {
        const both = outcome(() => tightenNeeds(a, b));
        if (both === 'conflict' || both === undefined) return;
        for (const one of [a, b]) {
          if (one?.endpoint !== undefined) expect(both.endpoint).toBe(one.endpoint);
          if (one?.split !== undefined) expect(both.split).toBe(one.split);
          if (one?.allowedIps !== undefined) expect(both.allowedIps?.toSorted()).toEqual(one.allowedIps.toSorted());
          if (one?.dns !== undefined) expect(both.dns?.every((each) => one.dns?.includes(each))).toBe(true);
        }
      }),
    );
  });
});
