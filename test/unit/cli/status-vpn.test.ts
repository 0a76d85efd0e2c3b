import { expect, test } from '@jest/globals';
import { describeStatus } from '../../../src/cli/status-text.ts';
import { report } from './command-line.ts';

const vpn = { profile: 'home', endpoint: '198.51.100.10:51820' };
const linesOf = (more: object) => describeStatus(report({ vpn: { ...vpn, ...more } }), 0).split('\n');

test('one of several profiles says which it is and why the one before was given up', () => {
  const lines = linesOf({ order: ['office', 'home'], because: 'the VPN server is silent' });
  expect(lines).toContain('  vpn      home, 2 of 2 (office, home), server 198.51.100.10:51820');
  expect(lines).toContain('  instead  the one before failed: the VPN server is silent');
});

test('the only one does not', () => {
  expect(linesOf({})).toContain('  vpn      home, server 198.51.100.10:51820');
  expect(linesOf({}).filter((line) => line.startsWith('  instead'))).toEqual([]);
});

test('what a server said is escaped before a terminal sees it', () => {
  const lines = linesOf({ order: ['office', 'home'], because: '\u001b[2Jgone\nfree' });
  expect(lines.join('')).not.toContain('\u001b');
  expect(lines).not.toContain('free');
});

test('a chain shows each hop in order', () => {
  const through = [{ profile: 'entry', endpoint: '203.0.113.5:51820' }];
  expect(linesOf({ through })).toEqual(
    expect.arrayContaining([
      '  vpn      entry, then inside it home',
      '  hop 1    entry, server 203.0.113.5:51820',
      '  hop 2    home, server 198.51.100.10:51820',
    ]),
  );
  expect(linesOf({ through, endpoint: '' })).toContain('  hop 2    home, not connected yet');
});
