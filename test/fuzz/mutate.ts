/**
 * Hostile bytes that know what they attack: valid samples with bits flipped, pieces cut, doubled or taken from another
 * sample, lengths off by one and numbers at their bounds; and bytes that are nothing at all.
 */
import fc from 'fast-check';

type Edit = (bytes: Buffer, at: number) => Buffer;

/** No mutation makes an input longer than this: what grows is the growth tests' matter. */
const MAX_BYTES = 200_000;

/** `words`: what the format is made of; put in anywhere. */
export function mutated(samples: readonly Buffer[], words: readonly (string | Buffer)[] = []): fc.Arbitrary<Buffer> {
  const sample = fc.constantFrom(...samples);
  const edit = fc.tuple(position, fc.oneof(...editsOf(sample, words)));
  // Most faults show where all else is right.
  const edits = fc.oneof(
    { weight: 3, arbitrary: edit.map((one) => [one]) },
    { weight: 2, arbitrary: fc.array(edit, { maxLength: 6 }) },
  );
  const changed = fc
    .tuple(sample, edits)
    .map(([base, changes]) =>
      changes.reduce((bytes, [at, edit]) => edit(bytes, at % (bytes.length + 1)).subarray(0, MAX_BYTES), base),
    );
  return fc.oneof({ weight: 8, arbitrary: changed }, { weight: 1, arbitrary: noise(300) });
}

/** Whatever is one small step away from `sample`: every bit of its first bytes, bounds in every byte, every length. */
export function* neighbours(sample: Buffer, first = 320): Generator<Buffer> {
  for (let at = 0; at < Math.min(sample.length, first); at += 1) {
    const old = sample[at] ?? 0;
    for (const value of [
      ...Array.from({ length: 8 }, (_, bit) => old ^ (1 << bit)),
      0,
      1,
      0x7f,
      0x80,
      0xff,
      old + 1,
      old - 1,
    ]) {
      const copy = Buffer.from(sample);
      copy[at] = value;
      yield copy;
    }
    yield sample.subarray(0, at);
  }
  yield Buffer.concat([sample, Buffer.from([0])]);
  yield Buffer.concat([sample, Buffer.from('x')]);
}

export function noise(maxLength: number): fc.Arbitrary<Buffer> {
  return fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes));
}

/** Most formats decide by their first bytes. */
const position = fc.oneof({ weight: 3, arbitrary: fc.nat(80) }, { weight: 2, arbitrary: fc.nat(1_000_000) });
const short = fc.oneof({ weight: 3, arbitrary: fc.nat(16) }, fc.nat(2_000));

function editsOf(sample: fc.Arbitrary<Buffer>, words: readonly (string | Buffer)[]): fc.Arbitrary<Edit>[] {
  const flip = fc.nat(7).map((bit): Edit => over((old) => [(old[0] ?? 0) ^ (1 << bit)]));
  const byte = fc.nat(255).map((value): Edit => over(() => [value]));
  const bump = fc
    .tuple(fc.constantFrom(1, 2, 4), fc.constantFrom(-1, 1), fc.boolean())
    .map(([width, by, little]): Edit => over((old) => numberBytes(readNumber(old, width, little) + by, width, little)));
  const bound = fc
    .tuple(fc.constantFrom(1, 2, 4, 8), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.boolean())
    .map(
      ([width, value, fill]): Edit =>
        over(() => Array.from({ length: width }, (_, i) => (fill || i === 0 ? value : 0))),
    );
  const cut = short.map(
    (length): Edit =>
      (bytes, at) =>
        Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]),
  );
  const end = fc.constant<Edit>((bytes, at) => bytes.subarray(0, at));
  const double = fc.tuple(short, fc.integer({ min: 1, max: 12 })).map(
    ([length, times]): Edit =>
      (bytes, at) =>
        Buffer.concat([
          bytes.subarray(0, at),
          ...Array<Buffer>(times).fill(bytes.subarray(at, at + length)),
          bytes.subarray(at),
        ]),
  );
  const splice = fc.tuple(sample, position, short).map(
    ([other, from, length]): Edit =>
      (bytes, at) => {
        const start = from % (other.length + 1);
        return Buffer.concat([bytes.subarray(0, at), other.subarray(start, start + length), bytes.subarray(at)]);
      },
  );
  const cross = fc.tuple(sample, position).map(
    ([other, from]): Edit =>
      (bytes, at) =>
        Buffer.concat([bytes.subarray(0, at), other.subarray(from % (other.length + 1))]),
  );
  const insert = noise(12).map(
    (piece): Edit =>
      (bytes, at) =>
        Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]),
  );
  const word = fc.tuple(fc.constantFrom('', ...words), fc.nat(12)).map(
    ([piece, replaced]): Edit =>
      (bytes, at) =>
        Buffer.concat([bytes.subarray(0, at), Buffer.from(piece), bytes.subarray(at + replaced)]),
  );
  return [flip, byte, bump, bound, cut, end, double, splice, cross, insert, word, word];
}

/** Overwrites in place, from `at`, with what `value` makes of the bytes there. */
function over(value: (old: Buffer) => readonly number[]): Edit {
  return (bytes, at) => {
    const copy = Buffer.from(bytes);
    for (const [offset, one] of value(copy.subarray(at, at + 8)).entries()) {
      if (at + offset < copy.length) copy[at + offset] = one;
    }
    return copy;
  };
}

function readNumber(bytes: Buffer, width: number, little: boolean): number {
  if (bytes.length < width) return 0;
  return little ? bytes.readUIntLE(0, width) : bytes.readUIntBE(0, width);
}

function numberBytes(value: number, width: number, little: boolean): readonly number[] {
  const size = 2 ** (8 * width);
  const bytes = Buffer.alloc(width);
  const wrapped = ((value % size) + size) % size;
  if (little) bytes.writeUIntLE(wrapped, 0, width);
  else bytes.writeUIntBE(wrapped, 0, width);
  return [...bytes];
}

/** Where a stream is cut into chunks: the same places for the same bytes, so that a kept input needs nothing beside it. */
export function chunksOf(stream: Buffer): readonly Buffer[] {
  const chunks: Buffer[] = [];
  let state = stream.length + 1;
  for (const byte of stream.subarray(0, 64)) state = (state * 31 + byte) >>> 0;
  for (let at = 0; at < stream.length; ) {
    state = (state * 1_664_525 + 1_013_904_223) >>> 0;
    const size = state % 3 === 0 ? 1 + ((state >>> 8) % 3) : 1 + ((state >>> 8) % (1 + stream.length));
    chunks.push(stream.subarray(at, at + size));
    at += size;
  }
  return chunks;
}
