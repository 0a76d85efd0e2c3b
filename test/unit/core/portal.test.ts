import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { judgeApi, judgeProbe, objectionToPortal, readPortalUrl } from '../../../src/core/portal.ts';

const PROBE = 'http://probe.example/generate_204';
const answer = (status: number, location?: string, hasBody = false) => ({ status, location, hasBody });

describe('an answer to the probe', () => {
  test.each<[string, ReturnType<typeof answer>, string | undefined]>([
    ['a redirect', answer(302, 'http://login.hotel.example/?x=1'), 'http://login.hotel.example/?x=1'],
    ['a relative one', answer(307, '/login'), 'http://probe.example/login'],
    ['a page in its place', answer(200, undefined, true), PROBE],
    ['511, RFC 6585', answer(511), PROBE],
  ])('%s is a portal', (_name, said, url) => {
    expect(judgeProbe(PROBE, said)).toEqual({ url });
  });

  test('a redirect to what is no web page is a portal that does not say where', () => {
    for (const location of ['ftp://x/', 'javascript:alert(1)', 'file:///etc/passwd', 'http://user:pw@x/', 'http://'])
      expect(judgeProbe(PROBE, answer(302, location))).toEqual({ url: undefined });
  });

  test.each([204, 404, 500, 503, 100])('%d is none', (status) => {
    expect(judgeProbe(PROBE, answer(status, undefined, status !== 204))).toBeUndefined();
  });

  test('is judged whatever it is', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.option(fc.string(), { nil: undefined }),
        fc.boolean(),
        (status, location, hasBody) => {
          const portal = judgeProbe(PROBE, { status, location, hasBody });
          if (portal?.url !== undefined) expect(readPortalUrl(portal.url)).toBeDefined();
          if (status === 204) expect(portal).toBeUndefined();
        },
      ),
    );
  });
});

describe('the network’s own API, RFC 8908', () => {
  test('says that there is a portal, and where', () => {
    expect(judgeApi({ captive: true, 'user-portal-url': 'https://portal.example/' })).toEqual({
      url: 'https://portal.example/',
    });
    expect(judgeApi({ captive: true })).toEqual({ url: undefined });
  });

  test.each([
    { captive: false, 'user-portal-url': 'https://portal.example/' },
    {},
    null,
    7,
    'captive',
    { captive: 'yes' },
  ])('%j: none', (said) => {
    expect(judgeApi(said)).toBeUndefined();
  });
});

describe('where the way to a portal may lead', () => {
  const around = { ofThisMachine: ['203.0.114.5', '192.168.1.5'], inside: ['10.213.0.0/29', '10.64.0.1/32'] };

  test.each([
    '127.0.0.1',
    '0.0.0.0',
    '10.0.2.2',
    '10.0.2.3',
    '169.254.169.254',
    '224.0.0.1',
    '255.255.255.255',
    '203.0.113.5',
    '192.168.1.5',
    '203.0.114.5',
    '10.213.0.2',
    '10.64.0.1',
    '127.1',
    '::1',
  ])('never to %s', (address) => {
    expect(objectionToPortal(address, around)?.kind).toBe('never');
  });

  test.each(['192.168.1.1', '10.1.1.1', '172.17.0.2', '100.64.0.1'])('to %s if a person says so', (address) => {
    expect(objectionToPortal(address, around)?.kind).toBe('ask');
  });

  test('to a public address', () => {
    expect(objectionToPortal('93.184.215.14', around)).toBeUndefined();
  });
});

test.each([
  'ftp://x/',
  'file:///etc/passwd',
  'javascript:1',
  'http://',
  'x',
  '',
  'http://a:b@x/',
  `http://x/${'y'.repeat(3_000)}`,
])('%s is no URL of a portal', (text) => {
  expect(readPortalUrl(text)).toBeUndefined();
});
