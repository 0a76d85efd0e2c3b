import { describe, expect, test } from '@jest/globals';
import { objectionToAddress, readTarget } from '../../../src/core/proxy-target.ts';
import { openPolicy } from './policy/policies.ts';

const OWN = ['10.64.0.9/32'];

function objection(address: string, ...routes: readonly string[]): string | undefined {
  const { tunnel } = openPolicy;
  const policy = { ...openPolicy, tunnel: tunnel && { ...tunnel, routes: routes.length > 0 ? routes : tunnel.routes } };
  return objectionToAddress(address, policy, OWN);
}

describe('what was asked for', () => {
  test.each([
    ['example.org', 'example.org'],
    ['EXAMPLE.org.', 'example.org'],
    ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
    ['_dmarc.example', '_dmarc.example'],
    ['intranet', 'intranet'],
  ])('%s is a name', (host, name) => {
    expect(readTarget(host)).toEqual({ kind: 'name', name });
  });

  test.each(['9.9.9.9', '127.0.0.1', '0.0.0.0', '255.255.255.255'])('%s is an address', (address) => {
    expect(readTarget(address)).toEqual({ kind: 'address', address });
  });

  test.each([
    // What inet_aton(3), browsers and some resolvers take for an address.
    '127.1',
    '2130706433',
    '0x7f.0.0.1',
    '0x7f000001',
    '010.0.0.1',
    '127.0.0.1.',
    'example.0x1',
    '1.2.3.256',
    '::1',
    'fe80::1%eth0',
    '::ffff:127.0.0.1',
    'localhost',
    'a.localhost',
    'printer.local',
    'service.onion',
    '',
    '.',
    'a..b',
    '-a.example',
    'a b.example',
    'a\0.example',
    'b\u00fccher.example',
    `${'a'.repeat(64)}.example`,
    `${'a.'.repeat(130)}example`,
  ])('%j is refused', (host) => {
    const target = readTarget(host);
    // A trailing dot makes an address of it, which is then judged as one.
    if (host === '127.0.0.1.') expect(target).toEqual({ kind: 'address', address: '127.0.0.1' });
    else expect(target).toEqual({ kind: 'refused', why: expect.any(String) });
  });
});

describe('where it leads', () => {
  test.each(['9.9.9.9', '203.0.113.80', '198.51.100.7'])('%s, by the tunnel', (address) => {
    expect(objection(address)).toBeUndefined();
  });

  test.each([
    ['0.0.0.0', 'no address of another machine'],
    ['127.0.0.1', 'no address of another machine'],
    ['127.8.8.8', 'no address of another machine'],
    ['169.254.169.254', 'no address of another machine'],
    ['224.0.0.251', 'no address of another machine'],
    ['255.255.255.255', 'no address of another machine'],
    ['240.0.0.1', 'no address of another machine'],
    ['10.213.0.1', 'on a link of this gate'],
    ['10.213.0.2', 'on a link of this gate'],
    ['10.213.0.26', 'on a link of this gate'],
    ['10.64.0.9', 'the gateway itself'],
    ['10.0.2.15', 'the gateway itself'],
    ['10.0.2.2', 'private'],
    ['10.64.0.1', 'private'],
    ['172.16.0.1', 'private'],
    ['192.168.1.1', 'private'],
    ['100.64.0.1', 'private'],
    ['not an address', 'not an IPv4 address'],
  ])('%s: %s', (address, why) => {
    expect(objection(address)).toContain(why);
  });

  test('a private network that the profile names is reached, what it names along with everything else is not', () => {
    expect(objection('10.20.0.5', '10.20.0.0/16')).toBeUndefined();
    expect(objection('10.20.0.5', '0.0.0.0/0', '10.0.0.0/8')).toBeUndefined();
    expect(objection('10.20.0.5', '0.0.0.0/1', '128.0.0.0/1')).toContain('private');
    expect(objection('192.168.1.1', '128.0.0.0/1', '10.0.0.0/8')).toContain('private');
  });

  test('a split tunnel leads nowhere else', () => {
    expect(objection('9.9.9.9', '10.20.0.0/16')).toContain('not routed into the tunnel');
  });

  test('links and the gateway stay out of reach though a route covers them', () => {
    expect(objection('10.213.0.2', '10.0.0.0/8')).toContain('on a link of this gate');
    expect(objection('10.64.0.9', '10.0.0.0/8')).toContain('the gateway itself');
  });
});
