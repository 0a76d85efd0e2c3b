import { describe, expect, test } from '@jest/globals';
import { type ExitAnswer, type ExitFacts, exitCheck, exitClaim } from '../../../../src/core/checks/exit.ts';
import { objectionTo } from '../../../../src/core/checks/exit-target.ts';
import { canonicalPrefix, within } from '../../../../src/core/checks/prefix.ts';
import { policy, tunnel } from './facts.ts';

const url = 'https://ip.lab.example/';

function answer(body: string, status = 200): ExitAnswer {
  return { kind: 'response', status, body, address: '203.0.113.80', date: undefined };
}

function asked(expected: NonNullable<ExitFacts['settings']>['expect'], reply: ExitAnswer | undefined): ExitFacts {
  return { settings: { url, expect: expected }, split: false, answer: reply };
}

const json = { json: { mullvad_exit_ip: true } };

describe('exit', () => {
  test.each<[string, ExitFacts, string, string, string | undefined]>([
    ['inside the prefix', asked(['203.0.113.0/24'], answer('203.0.113.7\n')), 'verified', '203.0.113.7', '203.0.113.7'],
    ['a single address', asked(['203.0.113.7'], answer('203.0.113.7')), 'verified', '203.0.113.7', '203.0.113.7'],
    ['IPv6', asked(['2001:db8::/32'], answer('2001:db8::7')), 'verified', '2001:db8::7', '2001:db8::7'],
    [
      'another address',
      asked(['203.0.113.0/24'], answer('198.51.100.4')),
      'refuted',
      'expected: 203.0.113.0/24',
      undefined,
    ],
    [
      'IPv4 where IPv6 is expected',
      asked(['2001:db8::/32'], answer('203.0.113.7')),
      'refuted',
      '203.0.113.7',
      undefined,
    ],
    [
      'IPv6 where IPv4 is expected',
      asked(['203.0.113.0/24'], answer('2001:db8::7')),
      'refuted',
      '2001:db8::7',
      undefined,
    ],
    [
      'a prefix for an address',
      asked(['203.0.113.0/24'], answer('203.0.113.0/24')),
      'unknown',
      'with an address',
      undefined,
    ],
    ['a web page', asked(['203.0.113.0/24'], answer('<html>')), 'unknown', '<html>', undefined],
    ['nothing expected after all', asked([], answer('203.0.113.7')), 'refuted', 'not expected', undefined],
    [
      'the field as expected',
      asked(json, answer('{"ip":"203.0.113.7","mullvad_exit_ip":true}')),
      'verified',
      'confirms',
      '203.0.113.7',
    ],
    [
      'the field, no address',
      asked(json, answer('{"mullvad_exit_ip":true}')),
      'verified',
      'confirms',
      'as expected by ip.lab.example',
    ],
    ['the field as text', asked(json, answer('{"mullvad_exit_ip":"true"}')), 'refuted', 'found "true"', undefined],
    ['the field missing', asked(json, answer('{}')), 'refuted', 'found undefined', undefined],
    [
      'a field by the prototype',
      asked({ json: { toString: 'x' } }, answer('{}')),
      'refuted',
      'found undefined',
      undefined,
    ],
    ['not an object', asked(json, answer('[true]')), 'unknown', 'JSON object', undefined],
    ['not JSON', asked(json, answer('true?')), 'unknown', 'JSON object', undefined],
    ['no field expected', asked({ json: {} }, answer('{}')), 'unknown', 'names no field', undefined],
    ['a redirect', asked(['203.0.113.0/24'], answer('203.0.113.7', 302)), 'unknown', 'status 302', undefined],
    [
      'a wrong certificate',
      asked(json, { kind: 'untrusted', reason: 'CERT_HAS_EXPIRED', address: '203.0.113.80' }),
      'refuted',
      'CERT_HAS_EXPIRED',
      undefined,
    ],
    [
      'an address not to ask at',
      asked(json, { kind: 'withheld', reason: 'loopback' }),
      'unknown',
      'loopback',
      undefined,
    ],
    ['not asked although expected', asked(json, undefined), 'unknown', 'not asked', undefined],
    [
      'split without expectation',
      { settings: undefined, split: true, answer: undefined },
      'unknown',
      'split',
      undefined,
    ],
  ])('%s', (_, facts, outcome, mentions, address) => {
    const opinion = exitCheck.judge(facts);
    expect([opinion.outcome, [opinion.summary, ...opinion.evidence].join('\n')]).toEqual([
      outcome,
      expect.stringContaining(mentions),
    ]);
    expect(exitClaim(facts, opinion)).toEqual(address === undefined ? undefined : { kind: 'address', address });
  });

  test('without expectation nothing is asked and the claim is the round trip', () => {
    const facts: ExitFacts = { settings: undefined, split: false, answer: undefined };
    const opinion = exitCheck.judge(facts);
    expect(opinion.outcome).toBe('not asked');
    expect(exitClaim(facts, opinion)).toEqual({ kind: 'round-trip' });
  });

  test.each([
    ['CERT_NOT_YET_VALID: certificate is not yet valid', true],
    ['CERT_HAS_EXPIRED: certificate has expired', true],
    ['ERR_TLS_CERT_ALTNAME_INVALID: another name', false],
  ])('%s: the clock may be what is wrong: %s', (reason, mentioned) => {
    const { outcome, remedy } = exitCheck.judge(asked(json, { kind: 'untrusted', reason, address: '203.0.113.9' }));
    expect([outcome, remedy.includes('clock of this machine')]).toEqual(['refuted', mentioned]);
  });

  test('the claim names no address when the URL was lost', () => {
    const facts: ExitFacts = { settings: undefined, split: false, answer: answer('{}') };
    const opinion = { outcome: 'verified', summary: '', evidence: [], remedy: '' } as const;
    expect(exitClaim(facts, opinion)).toEqual({ kind: 'address', address: 'as expected by ' });
  });
});

describe('where the exit check may ask', () => {
  const split = { ...policy, tunnel: { ...tunnel, routes: ['198.51.100.0/24', '10.20.0.0/16'] } };

  test.each([
    ['https://a.example/', '93.184.216.34', policy, undefined],
    ['http://10.66.0.1/', '10.66.0.1', policy, undefined],
    ['http://a.example/', '100.64.3.1', policy, undefined],
    ['http://a.example/', '198.51.100.9', split, undefined],
    ['http://a.example/', '93.184.216.34', policy, 'readable between'],
    ['ftp://a.example/', '93.184.216.34', policy, 'neither https nor http'],
    ['https://me@a.example/', '93.184.216.34', policy, 'carries a login'],
    ['https://me:pw@a.example/', '93.184.216.34', policy, 'carries a login'],
    ['https://:pw@a.example/', '93.184.216.34', policy, 'carries a login'],
    ['https://a.example/', '127.0.0.1', policy, 'no exit server'],
    ['https://a.example/', '0.0.0.0', policy, 'no exit server'],
    ['https://a.example/', '169.254.169.254', policy, 'no exit server'],
    ['https://a.example/', '224.0.0.1', policy, 'no exit server'],
    ['https://a.example/', '255.255.255.255', policy, 'no exit server'],
    ['https://a.example/', '10.213.0.2', policy, 'on a link of this gate'],
    ['https://a.example/', '93.184.216.34', split, 'not routed into the tunnel'],
    ['https://a.example/', '93.184.216.34', { ...policy, tunnel: undefined }, 'not routed into the tunnel'],
  ])('%s at %s', (text, address, rules, objection) => {
    const found = objectionTo(new URL(text), address, rules);
    if (objection === undefined) expect(found).toBeUndefined();
    else expect(found).toContain(objection);
  });
});

describe('prefixes', () => {
  test.each([
    ['10.0.0.1', '10.0.0.0/8', true],
    ['10.0.0.0/8', '10.0.0.0/16', false],
    ['010.0.0.1', '10.0.0.0/8', false],
    ['10.0.0.1', '10.0.0.0/33', false],
    ['2001:db8::1', '2001:db8::/32', true],
    ['2001:db8::1', '10.0.0.0/8', false],
    ['x', 'y', false],
  ])('%s in %s: %s', (inner, outer, expected) => {
    expect(within(inner, outer)).toBe(expected);
  });

  test('have one form', () => {
    expect(['10.1.2.3/8', '10.1.2.3', 'fe80::/64'].map(canonicalPrefix)).toEqual([
      '10.0.0.0/8',
      '10.1.2.3/32',
      'fe80::/64',
    ]);
  });
});
