import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { writeIso9660 } from '../../../../src/work/seed/iso9660.ts';
import { readIso9660 } from './iso-reader.ts';

const files = fc.uniqueArray(
  fc.record({ name: fc.stringMatching(/^[a-z0-9_-]{1,28}$/), data: fc.uint8Array({ maxLength: 5_000 }) }),
  { selector: ({ name }) => name, maxLength: 6 },
);

test('whatever is written is read back, in whatever order it came', () => {
  fc.assert(
    fc.property(files, (given) => {
      const image = writeIso9660('CIDATA', given);
      const read = readIso9660(image);
      expect(read.label).toBe('CIDATA');
      expect(Object.fromEntries(read.files)).toEqual(
        Object.fromEntries(given.map(({ name, data }) => [name, Buffer.from(data).toString('hex')])),
      );
      expect(writeIso9660('CIDATA', given.toReversed())).toEqual(image);
    }),
    { numRuns: 40 },
  );
});

test.each(['Big', '../etc', 'a.b', '', 'a'.repeat(29)])('a file called %j is refused', (name) => {
  expect(() => writeIso9660('CIDATA', [{ name, data: Buffer.from('x') }])).toThrow(RangeError);
});

test('more files than one sector of entries holds are refused, not cut', () => {
  const many = Array.from({ length: 60 }, (_, index) => ({ name: `file-${index}`, data: Buffer.from('x') }));
  expect(() => writeIso9660('CIDATA', many)).toThrow(RangeError);
});
