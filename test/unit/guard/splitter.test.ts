import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { MAX_FRAME } from '../../../src/frame/index.ts';
import { splitFrames } from '../../../src/guard/splitter.ts';

function framed(frames: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    frames.flatMap((frame) => {
      const prefix = Buffer.alloc(4);
      prefix.writeUInt32BE(frame.length);
      return [prefix, frame];
    }),
  );
}

/** Splits as the guard does, with chunks cut anywhere; answers judged frames and emitted bytes. */
function feed(stream: Buffer, cuts: readonly number[], allowed: (frame: Buffer) => boolean) {
  const judged: Buffer[] = [];
  const emitted: Buffer[] = [];
  let rest: Buffer = Buffer.alloc(0);
  let at = 0;
  for (const cut of [...cuts, stream.length]) {
    const buffer = Buffer.concat([rest, stream.subarray(at, Math.max(at, cut))]);
    at = Math.max(at, cut);
    const taken = splitFrames(
      buffer,
      buffer.length,
      (start, end) => {
        const frame = Buffer.from(buffer.subarray(start, end));
        judged.push(frame);
        return allowed(frame);
      },
      (from, to) => emitted.push(Buffer.from(buffer.subarray(from, to))),
    );
    rest = buffer.subarray(taken);
  }
  return { judged, emitted: Buffer.concat(emitted) };
}

test('however the stream is cut, every frame is judged once and exactly the allowed ones leave', () => {
  const frames = fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 20 });
  const cuts = fc.array(fc.nat(1_500), { maxLength: 10 });
  fc.assert(
    fc.property(frames, cuts, (list, places) => {
      const allowed = (frame: Uint8Array) => (frame[0] ?? 0) % 3 !== 0;
      const { judged, emitted } = feed(
        framed(list),
        places.toSorted((a, b) => a - b),
        allowed,
      );
      expect(judged).toEqual(list.map((frame) => Buffer.from(frame)));
      expect(emitted).toEqual(framed(list.filter(allowed)));
    }),
  );
});

test('allowed neighbours leave as one run', () => {
  const stream = framed([1, 1, 0, 1, 1, 1].map((first) => Uint8Array.of(first)));
  const runs: [number, number][] = [];
  splitFrames(
    stream,
    stream.length,
    (start) => stream[start] === 1,
    (from, to) => runs.push([from, to]),
  );
  expect(runs).toEqual([
    [0, 10],
    [15, 30],
  ]);
});

test('a length beyond any frame ends it, after what was whole before', () => {
  const huge = Buffer.alloc(8);
  huge.writeUInt32BE(MAX_FRAME + 1);
  const stream = Buffer.concat([framed([Uint8Array.of(1)]), huge]);
  const runs: [number, number][] = [];
  expect(
    splitFrames(
      stream,
      stream.length,
      () => true,
      (from, to) => runs.push([from, to]),
    ),
  ).toBe(-1);
  expect(runs).toEqual([[0, 5]]);
});

test('bytes beyond the given length are not looked at', () => {
  const stream = framed([Uint8Array.of(1, 2, 3)]);
  expect(
    splitFrames(
      stream,
      6,
      () => true,
      () => {},
    ),
  ).toBe(0);
});
