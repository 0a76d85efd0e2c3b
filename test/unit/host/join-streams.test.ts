import { Duplex, duplexPair } from 'node:stream';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { joinStreams } from '../../../src/host/index.ts';

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
});
afterEach(() => {
  jest.useRealTimers();
});

function joined() {
  const [left, innerLeft] = duplexPair();
  const [right, innerRight] = duplexPair();
  for (const [outer, inner] of [
    [left, innerLeft],
    [right, innerRight],
  ] as const) {
    outer.on('error', () => undefined);
    inner.once('close', () => outer.destroy());
    // As a socket's other end hears of it; one that ended in peace has said so already.
    outer.once('close', () => outer.writableFinished || inner.destroy());
  }
  return { left, right, over: joinStreams(innerLeft, innerRight) };
}

/** Not by `for await`, which destroys what it has read to the end. */
const heard = (stream: Duplex) =>
  new Promise<string>((resolve) => {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.once('end', () => resolve(Buffer.concat(chunks).toString()));
  });

test('one side has said all it has to say, the other still answers', async () => {
  const { left, right, over } = joined();
  left.end('question');
  expect(await heard(right)).toBe('question');
  right.end('answer');
  expect(await heard(left)).toBe('answer');
  await over;
});

test('one that breaks takes the other along', async () => {
  const { left, right, over } = joined();
  const gone = new Promise((resolve) => right.once('close', resolve));
  left.destroy();
  await gone;
  await over;
});

test('who has ended and hears nothing more is taken for gone; every answer buys time', async () => {
  const { left, right } = joined();
  left.resume();
  right.resume();
  left.end();
  await new Promise(setImmediate);
  await jest.advanceTimersByTimeAsync(29_000);
  right.write('still here');
  await new Promise(setImmediate);
  await jest.advanceTimersByTimeAsync(29_000);
  expect(right.destroyed).toBe(false);
  await jest.advanceTimersByTimeAsync(2_000);
  expect(right.destroyed).toBe(true);
});

test('what was said before the end arrives, however slowly it is read', async () => {
  const { left, right } = joined();
  const long = 'x'.repeat(1_000_000);
  left.end(long);
  await new Promise(setImmediate);
  expect(await heard(right)).toBe(long);
});

test('a stream that closes behind its end, as SSH channels do, loses nothing', async () => {
  const slow: Buffer[] = [];
  const sink = new Duplex({
    highWaterMark: 1,
    read: () => undefined,
    write: (chunk: Buffer, _encoding, done) => {
      slow.push(chunk);
      setImmediate(done);
    },
  });
  const channel = new Duplex({ autoDestroy: false, read: () => undefined, write: (_chunk, _encoding, done) => done() });
  channel.once('end', () => channel.emit('close'));
  const over = joinStreams(channel, sink);
  for (let index = 0; index < 50; index += 1) channel.push(Buffer.from('0123456789'));
  channel.push(null);
  await over;
  expect(Buffer.concat(slow).length).toBe(500);
});
