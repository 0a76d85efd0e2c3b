import { describe, expect, test } from '@jest/globals';
import { errorEntries, eventEntries, ROOMS } from '../../../src/codes.ts';
import { sources } from './sources.ts';

/** How the codes of a room begin. */
const PREFIXES: Readonly<Record<string, readonly string[]>> = {
  drivers: ['DRIVER'],
  oci: ['REGISTRY'],
  sensors: ['SENSOR'],
  supervisor: ['GATE'],
  trust: ['TRUST', 'RECEIPT'],
};

const errors = errorEntries();
const events = eventEntries();

describe('codes', () => {
  test('every codes.ts is in the registry', () => {
    const rooms = sources()
      .filter(({ file }) => /^src\/\w+\/codes\.ts$/.test(file))
      .map(({ room }) => room);
    expect(new Set(Object.keys(ROOMS))).toEqual(new Set(rooms));
  });

  test('no code is there twice', () => {
    const seen = [...errors, ...events].map(({ code }) => code);
    expect(seen.filter((code, index) => seen.indexOf(code) !== index)).toEqual([]);
    expect(seen.length).toBeGreaterThan(100);
  });

  test.each([...errors, ...events])('$code tells its room', ({ code, room }) => {
    expect(code).toMatch(/^[A-Z][A-Z0-9]*(_[A-Z0-9]+)+$|^GATE_[A-Z]+$/);
    expect(PREFIXES[room] ?? [room.toUpperCase()]).toContain(code.split('_')[0]);
  });

  test.each(errors)('$code says what failed and what to do next', ({ what, remedy, exit }) => {
    expect(exit).not.toBe(0);
    for (const text of [what, remedy]) {
      expect(text.trim()).not.toBe('');
      expect(text).not.toMatch(/\bundefined\b(?! is not)|NaN|\[object|\n/);
    }
  });

  test.each(events)('$code has a text', ({ text }) => {
    expect(text).toMatch(/\S/);
    expect(text).not.toMatch(/undefined|NaN|\[object/);
  });
});
