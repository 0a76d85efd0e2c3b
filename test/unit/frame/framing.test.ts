import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { FrameReader, framed } from '../../../src/frame/index.ts';

test('frames survive any way a stream is cut', () => {
  const frames = fc.array(fc.uint8Array({ minLength: 14, maxLength: 200 }), { maxLength: 8 });
  fc.assert(
    fc.property(frames, fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 20 }), (sent, cuts) => {
      const stream = Buffer.concat(sent.map((frame) => framed(Buffer.from(frame))));
      const got: Buffer[] = [];
      const reader = new FrameReader((frame) => got.push(frame));
      for (let at = 0, turn = 0; at < stream.length; turn += 1) {
        const size = cuts[turn % cuts.length] ?? 1;
        expect(reader.push(stream.subarray(at, at + size))).toBe(true);
        at += size;
      }
      expect(got).toEqual(sent.map((frame) => Buffer.from(frame)));
    }),
  );
});

test('a length that no frame has ends the reading for good', () => {
  const got: Buffer[] = [];
  const reader = new FrameReader((frame) => got.push(frame));
  expect(reader.push(Buffer.from('ffffffff00', 'hex'))).toBe(false);
  expect(reader.push(framed(Buffer.alloc(60)))).toBe(false);
  expect(got).toEqual([]);
});
