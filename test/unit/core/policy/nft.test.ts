import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import {
  compareRulesets,
  compileNft,
  describeEgress,
  type EgressPolicy,
  type ListedRuleset,
  normalizeRuleset,
  renderNft,
} from '../../../../src/core/policy/index.ts';
import { expectGolden } from '../../golden.ts';
import { bootPolicy, link, openPolicy, POLICIES } from './policies.ts';

const GOLDEN = path.join(import.meta.dirname, 'golden');

/** The listing of a compiled ruleset as nft 1.1.3 forms it. */
function listing(policy: EgressPolicy): { nftables: { [key: string]: unknown }[] } {
  const text = renderNft(compileNft(policy)).replaceAll('["syn","rst"]', '{"|":["rst","syn"]}');
  const { nftables } = JSON.parse(text) as { nftables: { add?: { [key: string]: object } }[] };
  const objects = nftables.flatMap(({ add }) => (add === undefined ? [] : [add]));
  return {
    nftables: [
      { metainfo: { version: '1.1.3' } },
      ...objects.map((object, handle) =>
        Object.fromEntries(Object.entries(object).map(([kind, body]) => [kind, { ...body, handle }])),
      ),
    ],
  };
}

describe.each(Object.entries(POLICIES))('%s', (name, policy) => {
  test('ruleset', () =>
    expectGolden(path.join(GOLDEN, `${name}.nft.jsonl`), `${normalizeRuleset(compileNft(policy)).join('\n')}\n`));

  test('in words', () => {
    const rows = describeEgress(policy).map(({ from, to, what, when, visible }) =>
      [from, to, what, when, visible].join(' | '),
    );
    expectGolden(path.join(GOLDEN, `${name}.txt`), `${rows.join('\n')}\n`);
  });

  test('its listing compares as the same', () => {
    expect(compareRulesets(compileNft(policy), listing(policy))).toEqual([]);
  });

  test('every filter hook drops by default, and nothing is accepted without naming an interface', () => {
    for (const { add } of compileNft(policy).nftables as { add?: { chain?: object; rule?: { expr: object[] } } }[]) {
      if (add?.chain !== undefined && 'type' in add.chain && add.chain.type === 'filter') {
        expect(add.chain).toMatchObject({ policy: 'drop' });
      }
      const expr = JSON.stringify(add?.rule?.expr ?? []);
      // A work VM's own chain is only jumped to behind its interface's name.
      const isOwn = add?.rule !== undefined && 'chain' in add.rule && String(add.rule.chain).startsWith('egress_');
      if (expr.includes('"accept"') && !isOwn) expect(expr).toMatch(/"key":"[io]ifname"/);
    }
  });
});

test.each(Object.entries(POLICIES))(
  '%s: each filter chain ends with a drop of its own: its policy comes late',
  (_, policy) => {
    const rules = compileNft(policy).nftables.flatMap(
      ({ add }: { add?: { rule?: { chain: string; expr: object[] } } }) => (add?.rule === undefined ? [] : [add.rule]),
    );
    for (const chain of ['prerouting', 'input', 'forward', 'output']) {
      const last = rules.filter((rule) => rule.chain === chain).at(-1);
      expect(last?.expr).toEqual([{ counter: `dropped_${chain}` }, { drop: null }]);
    }
  },
);

test.each(Object.entries(POLICIES))(
  '%s: what the gateway itself sends into the tunnel has an address of the tunnel’s',
  (_, policy) => {
    const out = JSON.stringify({
      match: { op: '==', left: { meta: { key: 'oifname' } }, right: policy.tunnel?.ifname },
    });
    const rules = compileNft(policy).nftables.flatMap(
      ({ add }: { add?: { rule?: { chain: string; expr: object[] } } }) =>
        add?.rule?.chain === 'output' && JSON.stringify(add.rule.expr[0]) === out ? [add.rule.expr] : [],
    );
    // Of a portal, and at boot, there is no tunnel.
    expect(rules.length > 0).toBe(policy.tunnel !== undefined);
    for (const expr of rules) {
      const local = { op: '==', left: { fib: { result: 'type', flags: ['saddr', 'oif'] } }, right: 'local' };
      expect(expr).toContainEqual({ match: local });
    }
  },
);

test('the boot ruleset forwards nothing and lets nothing into the uplink', () => {
  const lines = normalizeRuleset(compileNft(bootPolicy));
  const accepts = (part: string) => lines.filter((line) => line.includes(part) && line.includes('"accept":null'));
  expect(accepts('rules inet vmgate forward')).toEqual([]);
  expect(accepts('"up0"')).toEqual([]);
  expect(accepts('tun0')).toEqual([]);
});

describe('a listing that is not the policy', () => {
  const differences = (change: (listed: { nftables: { [key: string]: unknown }[] }) => void) => {
    const listed = listing(openPolicy);
    change(listed);
    return compareRulesets(compileNft(openPolicy), listed);
  };

  test('a rule in another place', () => {
    const found = differences(({ nftables }) => {
      const rules = nftables.flatMap((object, index) => ('rule' in object ? [index] : []));
      const [first = 0, second = 0] = rules;
      [nftables[first], nftables[second]] = [nftables[second] ?? {}, nftables[first] ?? {}];
    });
    expect(found).toEqual([expect.stringMatching(/^rules inet vmgate prerouting: line 1/)]);
  });

  test('a chain, a counter or a rule missing', () => {
    for (const kind of ['chain', 'counter', 'rule', 'set', 'table']) {
      const found = differences(({ nftables }) => {
        nftables.splice(
          nftables.findIndex((object) => kind in object),
          1,
        );
      });
      expect(found).toHaveLength(1);
    }
  });

  test.each(['prerouting', 'input', 'forward', 'output', 'postrouting'])('a rule more at the end of %s', (chain) => {
    const found = differences(({ nftables }) => {
      nftables.push({ rule: { family: 'inet', table: 'vmgate', chain, handle: 99, expr: [{ accept: null }] } });
    });
    expect(found).toEqual([expect.stringMatching(new RegExp(`^rules inet vmgate ${chain}: line \\d+ is not ours`))]);
  });

  test.each<[string, unknown]>([
    ['a flowtable', { flowtable: { family: 'inet', name: 'f', table: 'vmgate' } }],
    ['a netdev table', { table: { family: 'netdev', name: 'x' } }],
    ['nonsense', 'accept everything'],
    ['null', null],
    ['an object of nothing', {}],
    ['a list', [[[]]]],
    ['an object of text', { rule: 'accept' }],
  ])('%s', (_name, object) => {
    const found = compareRulesets(compileNft(openPolicy), { nftables: [...listing(openPolicy).nftables, object] });
    expect(found).toHaveLength(1);
  });

  test('a listing nested without end is a difference, not a crash', () => {
    let deep: unknown = [];
    for (let level = 0; level < 100_000; level += 1) deep = [deep];
    const listed: ListedRuleset = { nftables: [{ rule: { family: 'inet', expr: deep } }] };
    expect(compareRulesets(compileNft(openPolicy), listed).length).toBeGreaterThan(0);
  });

  test.each<[string, unknown, boolean]>([
    ['a live lease', { elem: { val: 'work0', timeout: 15, expires: 9 } }, true],
    ['a lease without end', 'work0', false],
    ['a lease of an hour', { elem: { val: 'work0', timeout: 3_600, expires: 9 } }, false],
    ['a lease with a timeout of nothing', { elem: { val: 'work0', timeout: 0 } }, false],
  ])('%s', (_name, element, same) => {
    const found = differences(({ nftables }) => {
      for (const object of nftables) if ('set' in object) Object.assign(object['set'] as object, { elem: [element] });
    });
    expect(found).toHaveLength(same ? 0 : 1);
  });
});

test('every link pins its own guest, and a link more is another ruleset', () => {
  const more = { ...openPolicy, links: [...openPolicy.links, link(2)] };
  expect(compareRulesets(compileNft(openPolicy), listing(more)).length).toBeGreaterThan(0);
  for (const { guest, guestMac } of openPolicy.links) {
    const text = renderNft(compileNft(openPolicy));
    expect(text).toContain(guest);
    expect(text).toContain(guestMac);
  }
});
