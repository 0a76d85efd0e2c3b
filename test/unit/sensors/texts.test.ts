/** Parsers of what the system's files and tools say, on captures (Linux) and on texts after their manuals (macOS). */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { isIpMonitorLine, resolversIn, routerIn, wifiIn } from '../../../src/sensors/linux-text.ts';
import { isRouteMonitorLine, macResolversIn, macRouterIn, macWifiIn } from '../../../src/sensors/macos-text.ts';

const GOLDEN = path.join(path.dirname(fileURLToPath(import.meta.url)), 'golden');
const text = (name: string) => readFileSync(path.join(GOLDEN, name), 'utf8');
const NOISE = [...Array(200).keys()]
  .map((seed) => String.fromCharCode(...[...Array(64).keys()].map((at) => (at * seed) % 255)))
  .join('\n');

describe('Linux', () => {
  test.each<[string, string, string | undefined]>([
    ['wlan0', '198.51.100.10', '192.168.1.1'],
    ['wlan0', '192.168.1.77', 'none'],
    ['docker0', '172.17.3.4', 'none'],
    // The more specific one, then the one with the smaller metric.
    ['eth0', '10.8.1.1', '10.0.0.254'],
    ['eth0', '198.51.100.10', '10.0.0.1'],
    // Down, and of another table.
    ['wlan1', '198.51.100.10', undefined],
    ['tun0', '198.51.100.10', undefined],
  ])('the router of %s toward %s is %s', (card, target, router) => {
    expect(routerIn(text('proc-net-route.txt'), card, target)).toBe(router);
  });

  test('resolvers, whatever else stands there', () => {
    expect(resolversIn(text('resolv.conf'))).toEqual(['192.168.1.1', '2001:db8::53', 'fe80::1']);
    expect(resolversIn('# nothing\n')).toEqual([]);
    const many = Array.from({ length: 100 }, (_, index) => `nameserver 10.0.0.${index}`).join('\n');
    expect(resolversIn(many)).toHaveLength(16);
  });

  test('the name of the Wi-Fi', () => {
    expect(wifiIn(text('iw-link.txt'))).toBe('Cafe \\xe2\\x98\\x95');
    expect(wifiIn('Not connected.\n')).toBeUndefined();
  });

  test('every line of ip monitor is known, and no other', () => {
    const lines = text('ip-monitor.txt').trimEnd().split('\n');
    expect(lines.length).toBeGreaterThan(20);
    expect(lines.filter((line) => !isIpMonitorLine(line))).toEqual([]);
    for (const strange of ['', 'Usage: ip monitor', 'Object "monitor" is unknown', '\u0000\u0001', 'hello']) {
      expect([strange, isIpMonitorLine(strange)]).toEqual([strange, false]);
    }
  });

  test('noise is nothing', () => {
    expect([routerIn(NOISE, 'eth0', '192.0.2.1'), resolversIn(NOISE), wifiIn(NOISE)]).toEqual([
      undefined,
      [],
      undefined,
    ]);
  });
});

describe('macOS (not run here: after the manuals)', () => {
  test('the router of a route', () => {
    expect(macRouterIn(text('macos-route-get.txt'))).toBe('192.168.1.1');
    expect(macRouterIn(text('macos-route-get-link.txt'))).toBe('none');
    expect(macRouterIn('route: writing to routing socket: not in table\n')).toBeUndefined();
  });

  test('resolvers of ordinary lookups, not those of one card', () => {
    expect(macResolversIn(text('macos-scutil-dns.txt'))).toEqual(['192.168.1.1', '2001:db8::53']);
  });

  test('the name of the Wi-Fi, where it is not hidden', () => {
    expect(macWifiIn(text('macos-ipconfig-summary.txt'))).toBe('Cafe');
    expect(macWifiIn('    SSID : <redacted>\n')).toBeUndefined();
  });

  test('every line of route monitor is known, and no other', () => {
    const lines = text('macos-route-monitor.txt').split('\n');
    expect(lines.filter((line) => !isRouteMonitorLine(line))).toEqual([]);
    expect(isRouteMonitorLine('usage: route [-dnqtv]')).toBe(false);
  });

  test('noise is nothing', () => {
    expect([macRouterIn(NOISE), macResolversIn(NOISE), macWifiIn(NOISE)]).toEqual([undefined, [], undefined]);
  });
});
