import { describe, expect, test } from '@jest/globals';
import { type CpioEntry, writeCpio } from '../../../src/image/cpio.ts';

const entries: readonly CpioEntry[] = [
  { path: 'init', type: 'file', mode: 0o755, data: '#!/bin/sh\n' },
  { path: 'etc/vmgate/key', type: 'file', mode: 0o600, data: new Uint8Array([1, 2, 3]) },
  { path: 'bin', type: 'link', target: 'usr/bin' },
  { path: 'dev/console', type: 'node', mode: 0o600, kind: 'char', major: 5, minor: 1 },
];

describe('writeCpio', () => {
  test('is the same for the same entries in any order', () => {
    expect(writeCpio([...entries].reverse())).toEqual(writeCpio(entries));
  });

  test('puts parents before what they hold, each once', () => {
    const archive = writeCpio(entries).toString('latin1');
    const names = ['bin', 'dev', 'dev/console', 'etc', 'etc/vmgate', 'etc/vmgate/key', 'init', 'TRAILER!!!'];
    const found = names.map((name) => archive.indexOf(`${name}\0`));
    expect(found).toEqual([...found].sort((a, b) => a - b));
    expect(found).not.toContain(-1);
  });

  test('leaves room for the next archive', () => {
    for (const data of ['', 'a', 'ab', 'abc', 'abcd'])
      expect(writeCpio([{ path: 'f', type: 'file', mode: 0o644, data }]).length % 4).toBe(0);
  });

  test.each(['/etc/passwd', '../up', 'a//b', 'a/./b', '', 'a\0b'])('refuses %j', (bad) => {
    expect(() => writeCpio([{ path: bad, type: 'dir', mode: 0o755 }])).toThrow(RangeError);
  });

  test('sets the mode of the root itself, which only a folder can be', () => {
    expect(writeCpio([{ path: '.', type: 'dir', mode: 0o755 }]).toString('latin1')).toContain('000041ed');
    expect(() => writeCpio([{ path: '.', type: 'file', mode: 0o644, data: '' }])).toThrow(RangeError);
  });

  test('refuses a path twice', () => {
    expect(() => writeCpio([...entries, ...entries])).toThrow(RangeError);
  });
});
