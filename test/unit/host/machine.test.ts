import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  cleanEnvironment,
  errnoOf,
  escapeBlock,
  escapeLine,
  hostPlatform,
  installLine,
  LineSplitter,
  messageOf,
  monotonicMs,
  type PackageFamily,
} from '../../../src/host/index.ts';
import { familyOf, parseOsRelease } from '../../../src/host/platform.ts';
import { parseStat } from '../../../src/host/process-identity.ts';

describe('the environment', () => {
  test('loses what weakens TLS, adds proxies or loads code; names only are reported', () => {
    const env: NodeJS.ProcessEnv = {
      NODE_TLS_REJECT_UNAUTHORIZED: '0',
      https_proxy: 'http://user:password@proxy',
      NO_PROXY: '*',
      ALL_PROXY: 'socks5://x',
      NODE_OPTIONS: '--require ./evil.js',
      NODE_EXTRA_CA_CERTS: '/tmp/ca.pem',
      SSL_CERT_FILE: '/tmp/ca.pem',
      LD_PRELOAD: '/tmp/evil.so',
      DYLD_INSERT_LIBRARIES: '/tmp/evil.dylib',
      HOME: '/home/ann',
      PATH: '/usr/bin',
      VMGATE_HOME: '/home/ann/.vmgate',
    };
    const report = cleanEnvironment(env);
    expect(env).toEqual({ HOME: '/home/ann', PATH: '/usr/bin', VMGATE_HOME: '/home/ann/.vmgate' });
    expect(report.ignored).toHaveLength(9);
    expect(report.ignored).toEqual(expect.arrayContaining(['https_proxy', 'NODE_TLS_REJECT_UNAUTHORIZED']));
    expect(report.alreadyRead).toContain('NODE_OPTIONS');
    expect(report.alreadyRead).not.toContain('https_proxy');
    expect(JSON.stringify(report)).not.toContain('password');
    expect(cleanEnvironment(env)).toEqual({ ignored: [], alreadyRead: [] });
  });
});

describe('escaping', () => {
  test.each([
    ['\x1b]0;title\x07', '\\x1b]0;title\\x07'],
    ['a\nb\tc\r', 'a\\x0ab\\x09c\\x0d'],
    ['\u202egnp.exe', '\\u{202e}gnp.exe'],
    ['\u009b31m', '\\x9b31m'],
    ['a\u200bb\ufeff', 'a\\u{200b}b\\u{feff}'],
    ['\ud800', '\\u{d800}'],
    ['Grüße, 世界', 'Grüße, 世界'],
  ])('%j', (text, escaped) => {
    expect(escapeLine(text)).toBe(escaped);
  });

  test('a block keeps its lines; both are cut', () => {
    expect(escapeBlock('a\n\tb\x1b')).toBe('a\n\tb\\x1b');
    expect(escapeLine('x'.repeat(500), 10)).toBe(`${'x'.repeat(10)}...`);
  });

  test('nothing a terminal acts on is left, whatever comes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(escapeLine(text)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
      }),
    );
  });
});

describe('lines', () => {
  test('are the same however the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: fc.constantFrom('a', 'ü', '\n') })), (chunks) => {
        const lines: string[] = [];
        const splitter = new LineSplitter((line) => lines.push(line));
        const bytes = Buffer.from(chunks.join(''));
        for (let at = 0; at < bytes.length; at += 3) splitter.push(bytes.subarray(at, at + 3));
        splitter.end();
        const whole = chunks.join('').split('\n');
        expect(lines).toEqual(whole.at(-1) === '' ? whole.slice(0, -1) : whole);
      }),
    );
  });
});

describe('the platform', () => {
  test('is known here', () => {
    expect(['linux', 'macos']).toContain(hostPlatform().os);
    expect(monotonicMs()).toBeGreaterThan(0);
  });

  test.each<[string, PackageFamily]>([
    ['ID=debian', 'debian'],
    ['ID=linuxmint\nID_LIKE="ubuntu debian"', 'debian'],
    ['ID="fedora"', 'fedora'],
    ["ID='rocky'\nID_LIKE='rhel centos fedora'", 'fedora'],
    ['ID=arch', 'arch'],
    ['ID=nixos', 'other'],
    ['', 'other'],
    ['# comment\nID\n=x', 'other'],
  ])('%j', (text, family) => {
    expect(familyOf(parseOsRelease(text))).toBe(family);
  });

  test('tells the line that installs a tool', () => {
    const on = (family: PackageFamily) => ({ os: 'linux', arch: 'amd64', name: '', family }) as const;
    expect(installLine('qemu-img', on('debian'), false)).toBe(
      'sudo apt-get install --no-install-recommends -y qemu-utils',
    );
    expect(installLine('qemu-img', on('arch'), true)).toBe('pacman -S --needed --noconfirm qemu-img');
    expect(installLine('qemu-img', on('macos'), false)).toBe('brew install qemu');
    expect(installLine('qemu-img', on('other'), false)).toContain('install qemu-img with');
    expect(installLine('unheard-of', on('debian'), true)).toContain('install unheard-of with');
  });
});

describe('process identity', () => {
  const stat = (name: string, state: string) =>
    `42 (${name}) ${state} 1 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 987654 1 1`;
  test.each([
    ['sleep', 'S', '987654'],
    ['a) R (b', 'S', '987654'],
    ['stopped', 'T', '987654'],
    ['zombie', 'Z', undefined],
    ['dead', 'X', undefined],
  ])('%s in state %s', (name, state, start) => {
    expect(parseStat(stat(name, state))).toBe(start);
  });
});

test('what was thrown is read without instanceof', () => {
  expect([errnoOf({ code: 'ENOENT' }), errnoOf({ code: 7 }), errnoOf(null), errnoOf('x')]).toEqual([
    'ENOENT',
    undefined,
    undefined,
    undefined,
  ]);
  expect([messageOf(new Error('a')), messageOf('b'), messageOf(undefined)]).toEqual(['a', 'b', 'undefined']);
});
