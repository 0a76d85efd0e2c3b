/** Where a work VM may go, as a file says it. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { completeEgress, shadowedRules } from '../../../src/config/egress.ts';
import { egress as egressSchema } from '../../../src/config/egress-values.ts';
import { type LoadedConfig, loadConfig } from '../../../src/config/index.ts';
import { anyEgress, anyPacket, judge } from '../core/policy/reference.ts';
import { faultOf } from '../faults.ts';
import { temporaryFolders } from '../home/temp-folder.ts';

const temporary = temporaryFolders();
const MINIMAL = 'version: 1\nvpn: office\n';

function load(main: string, local?: string): LoadedConfig {
  const folder = temporary();
  writeFileSync(path.join(folder, 'vmgate.yaml'), main);
  if (local !== undefined) writeFileSync(path.join(folder, 'vmgate.local.yaml'), local);
  return loadConfig(folder, '/no/home');
}

const lineAt = ({ file, line }: { readonly file: string; readonly line: number }) => `${path.basename(file)}:${line}`;

describe('what is written', () => {
  const rules = `${MINIMAL}work:
  dev: {template: tiny}
  same: {template: tiny, egress: allow}
  cut: {template: tiny, egress: deny}
  bank:
    template: tiny
    peers: [dev]
    egress:
      - {to: Bank.Example., port: 443, protocol: tcp}
      - to: 10.20.0.10
        port: [80, 8000-8100]
      - {to: intranet.acme.example, allowPrivate: true}
  web:
    template: tiny
    egress:
      default: allow
      rules:
        - {to: 10.0.0.0/8, action: deny}
        - {to: any, protocol: [udp, icmp], action: deny}
`;

  test('becomes rules in order; silence and `allow` are no rules at all', () => {
    const [dev, same, cut, bank, web] = load(rules).config.work;
    expect([dev?.egress, same?.egress]).toEqual([undefined, undefined]);
    expect(cut?.egress).toEqual({ otherwise: 'deny', rules: [] });
    expect(bank?.peers).toEqual(['dev']);
    expect(bank?.egress).toEqual({
      otherwise: 'deny',
      rules: [
        {
          action: 'allow',
          to: { kind: 'name', name: 'bank.example', allowPrivate: false },
          protocols: ['tcp'],
          ports: [{ first: 443, last: 443 }],
        },
        {
          action: 'allow',
          to: { kind: 'prefix', prefix: '10.20.0.10/32' },
          protocols: [],
          ports: [
            { first: 80, last: 80 },
            { first: 8_000, last: 8_100 },
          ],
        },
        {
          action: 'allow',
          to: { kind: 'name', name: 'intranet.acme.example', allowPrivate: true },
          protocols: [],
          ports: [],
        },
      ],
    });
    expect(web?.egress?.otherwise).toBe('allow');
    expect(web?.egress?.rules[1]).toMatchObject({ to: { kind: 'anywhere' }, protocols: ['udp', 'icmp'] });
  });

  test('is found again by line', () => {
    const { egressPlaces } = load(rules);
    expect(egressPlaces['bank']?.rules.map(lineAt)).toEqual(['vmgate.yaml:11', 'vmgate.yaml:12', 'vmgate.yaml:14']);
    expect(egressPlaces['web']?.rules.map(lineAt)).toEqual(['vmgate.yaml:20', 'vmgate.yaml:21']);
    expect(lineAt(egressPlaces['bank']?.whole ?? { file: '', line: 0 })).toBe('vmgate.yaml:10');
  });

  test('is part of the digest; where it stands is not', () => {
    expect(load(rules.replace('443', '444')).digest).not.toBe(load(rules).digest);
    expect(load(rules.replace('work:', '\n# moved\nwork:')).digest).toBe(load(rules).digest);
  });
});

describe('rules that never count', () => {
  const notices = (...rules: string[]) =>
    load(
      `${MINIMAL}work:\n  a:\n    template: tiny\n    egress:\n${rules.map((rule) => `      - ${rule}\n`).join('')}`,
    ).notices.map(({ line, message }) => `${line}: ${message}`);

  test.each<[string, string[], string[]]>([
    [
      'an address within an earlier prefix',
      ['{to: 10.0.0.0/8}', '{to: 10.1.0.0/16, port: 443}'],
      ['8: this rule never counts: it adds nothing to the rule in line 7, which comes first'],
    ],
    [
      'the opposite',
      ['{to: 10.0.0.0/8, action: deny}', '{to: 10.1.0.1}'],
      ['8: this rule never counts: it contradicts the rule in line 7, which comes first'],
    ],
    [
      'a name below another',
      ['{to: bank.example}', '{to: www.bank.example, port: 443}'],
      ['8: this rule never counts: it adds nothing to the rule in line 7, which comes first'],
    ],
    ['a narrower rule first is in order', ['{to: 10.1.0.0/16, action: deny}', '{to: 10.0.0.0/8}'], []],
    ['other ports are in order', ['{to: any, port: 80}', '{to: any, port: 79-80}'], []],
    ['a name with private addresses is more', ['{to: bank.example}', '{to: bank.example, allowPrivate: true}'], []],
  ])('%s', (_name, rules, told) => {
    expect(notices(...rules)).toEqual(told);
  });

  test('taking one out changes no verdict', () => {
    fc.assert(
      fc.property(anyEgress, anyPacket, (egress, packet) => {
        const [shadowed] = shadowedRules(egress);
        if (shadowed === undefined) return;
        const without = { ...egress, rules: egress.rules.filter((_, index) => index !== shadowed.rule) };
        const answers = {
          'bank.example': ['9.9.9.9'],
          'www.bank.example': ['9.8.7.6', '192.168.1.1'],
          'shop.example': ['10.64.0.2'],
        };
        expect(judge(without, packet, answers)).toBe(judge(egress, packet, answers));
      }),
      { numRuns: 3_000 },
    );
  });
});

describe('vmgate.local.yaml', () => {
  const base = (more: string) => `${MINIMAL}work: {a: {template: tiny${more}}, b: {template: tiny}}\n`;
  test.each([
    ['other rules', ', egress: [{to: 10.0.0.1}]', '{egress: [{to: 10.0.0.0/8}]}', 'work.a.egress'],
    ['everything again', ', egress: deny', '{egress: allow}', 'work.a.egress'],
    ['a peer', '', '{peers: [b]}', 'work.a.peers'],
  ])('cannot ask for %s', (_, before, local, key) => {
    const error = faultOf(() => load(base(before), `work: {a: ${local}}\n`));
    expect(error).toMatchObject({ code: 'CONFIG_LOOSENS', payload: { issues: [{ key }] } });
  });

  test('can give rules where there are none, which are told by its own lines, and take peers away', () => {
    const loaded = load(base(', peers: [b], egress: allow'), 'work: {a: {peers: [],\n  egress: [{to: 10.0.0.1}]}}\n');
    expect(loaded.config.work[0]).toMatchObject({ peers: [], egress: { otherwise: 'deny' } });
    expect(loaded.egressPlaces['a']?.rules.map(lineAt)).toEqual(['vmgate.local.yaml:2']);
  });

  test('cannot let names lead to private addresses again', () => {
    const error = faultOf(() => load(`${MINIMAL}dns: {rebinding: refuse}\n`, 'dns: {rebinding: allow}\n'));
    expect(error).toMatchObject({ code: 'CONFIG_LOOSENS', payload: { issues: [{ key: 'dns.rebinding' }] } });
  });
});

test('no text makes a rule that is none: what is accepted is within bounds', () => {
  const word = fc.oneof(fc.string(), fc.constantFrom('any', '10.0.0.0/8', 'a.example', '*', '0.0.0.0/0', '1-2', '443'));
  fc.assert(
    fc.property(word, fc.oneof(word, fc.double(), fc.array(word)), (to, port) => {
      const parsed = egressSchema.safeParse([{ to, port }]);
      if (!parsed.success) return;
      for (const rule of completeEgress(parsed.data)?.rules ?? []) {
        for (const { first, last } of rule.ports) expect(1 <= first && first <= last && last <= 65_535).toBe(true);
        if (rule.to.kind === 'name') expect(rule.to.name).toMatch(/^[a-z0-9.-]+\.[a-z0-9-]+$/);
        if (rule.to.kind === 'prefix') expect(rule.to.prefix).toMatch(/^\d+\.\d+\.\d+\.\d+\/\d+$/);
      }
    }),
    { numRuns: 3_000 },
  );
});
