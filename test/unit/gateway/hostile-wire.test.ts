/**
 * An owned gateway attacks the host through what it says on the control channel. Whatever comes, the host reads a bounded
 * amount of it within the deadline, believes nothing, and never speaks to that gateway again.
 *
 * @leakCase 39 none: nonsense on the control channel, before SSH and inside it, is read within bounds and refused
 */
import { Duplex } from 'node:stream';
import { afterEach, describe, expect, test } from '@jest/globals';
import { openControl } from '../../../src/gateway/channel.ts';
import { factsAnswer, MAX_ANSWER } from '../../../src/gateway/protocol.ts';
import { type Answering, answer, type FakeGateway, fakeGateway } from './fake-gateway.ts';

const HELLO = { v: 1, bootId: '0b5a', uptimeMs: 2_700, layers: ['base', 'wireguard'] };
const DEADLINE_MS = 400;
/** What may be on its way when the host has read enough: an SSH window each way. */
const IN_FLIGHT = 2 * 2_097_152;

const running: FakeGateway[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((gateway) => gateway.stop()));
});

/** Bytes that the attack got rid of: what the host took in, and what was on the way. */
interface Sent {
  bytes: number;
}

/** Writes `chunk` for as long as somebody takes it, with a pause between. */
function endless(wire: Answering, chunk: Buffer, sent: Sent, pauseMs = 0): void {
  const more = () => {
    if (!wire.writable) return;
    wire.write(chunk, () => {
      sent.bytes += chunk.length;
      if (pauseMs === 0) setImmediate(more);
      else setTimeout(more, pauseMs).unref();
    });
  };
  more();
}

/** The end of a dialogue in which the gateway answers `hello` with `attack`. */
async function attacked(attack: (wire: Answering, sent: Sent) => string | undefined) {
  const sent: Sent = { bytes: 0 };
  const gateway = await fakeGateway({
    onVerb: (_asked, channel) => {
      const last = attack(channel, sent);
      if (last !== undefined) answer(channel, last);
    },
  });
  running.push(gateway);
  const control = await openControl({ ...gateway, withinMs: 5_000, deadlines: { hello: DEADLINE_MS } });
  const began = performance.now();
  const outcome = await control.hello().then(
    (hello) => ({ hello, code: '' }),
    (cause: { code: string }) => ({ hello: undefined, code: cause.code }),
  );
  const took = performance.now() - began;
  const again = await control.hello().then(
    () => '',
    (cause: { code: string }) => cause.code,
  );
  control.close();
  await control.closed;
  return { ...outcome, took, again, sent: sent.bytes };
}

test('case 39, anti-test: a good answer is taken, so a refusal means something', async () => {
  const { hello, again } = await attacked(() => JSON.stringify(HELLO));
  expect({ hello, again }).toEqual({ hello: HELLO, again: '' });
});

describe('case 39: documents that are none', () => {
  const half = Math.floor(MAX_ANSWER / 2) - 64;
  const documents: readonly (readonly [string, string])[] = [
    ['nested to the limit', '['.repeat(half) + ']'.repeat(half)],
    ['nested objects', `${'{"v":'.repeat(100_000)}1${'}'.repeat(100_000)}`],
    ['one string of a megabyte', JSON.stringify({ ...HELLO, bootId: 'x'.repeat(1_000_000) })],
    ['a hundred thousand layers', JSON.stringify({ ...HELLO, layers: Array(100_000).fill('x') })],
    ['a number beyond numbers', '{"v":1,"bootId":"a","uptimeMs":1e999,"layers":[]}'],
    ['less than nothing', JSON.stringify({ ...HELLO, uptimeMs: -1 })],
    ['two documents', JSON.stringify(HELLO).repeat(2)],
    ['half a document', JSON.stringify(HELLO).slice(0, -1)],
    ['a document with a NUL', `${JSON.stringify(HELLO)}\0`],
    ['terminal escapes', '\x1b]0;owned\x07\x1b[2J'],
  ];
  test.each(documents)('%s', async (_what, text) => {
    const { code, again } = await attacked(() => text);
    expect({ code, again }).toEqual({ code: 'GATEWAY_GARBLED', again: 'GATEWAY_LOST' });
  });

  test('a document that means to change what all objects are', async () => {
    const text = `{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},${JSON.stringify(HELLO).slice(1)}`;
    const { hello } = await attacked(() => text);
    expect(hello).toEqual(HELLO);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  test('names that are paths are text like any other: too long for a name, refused', async () => {
    const { code } = await attacked(() => JSON.stringify({ ...HELLO, bootId: `${'../'.repeat(30)}etc/passwd` }));
    expect(code).toBe('GATEWAY_GARBLED');
  });
});

describe('case 39: output without end', () => {
  const flood = Buffer.alloc(65_536, 0x20);
  test.each<[string, (wire: Answering, sent: Sent) => void, string]>([
    ['blanks, which JSON allows', (wire, sent) => endless(wire, flood, sent), 'GATEWAY_GARBLED'],
    ['a byte now and then', (wire, sent) => endless(wire, Buffer.from(' '), sent, 5), 'GATEWAY_VERB_LATE'],
    ['nothing at all', () => {}, 'GATEWAY_VERB_LATE'],
  ])('%s', async (_what, attack, expected) => {
    const result = await attacked((wire, sent) => {
      attack(wire, sent);
      return undefined;
    });
    expect(result).toMatchObject({ code: expected, again: 'GATEWAY_LOST' });
    expect(result.sent).toBeLessThan(MAX_ANSWER + IN_FLIGHT);
    expect(result.took).toBeLessThan(DEADLINE_MS + 5_000);
  });
});

describe('case 39: before SSH has begun', () => {
  const flood = Buffer.alloc(65_536, 0x41);
  test.each([
    ['no banner, ever', Buffer.alloc(0)],
    ['a banner line without end', Buffer.from('SSH-2.0-')],
    ['a banner, then no SSH', Buffer.from('SSH-2.0-gateway\r\n')],
  ])('%s', async (_what, opening) => {
    const gateway = await fakeGateway({ mute: true });
    running.push(gateway);
    const sent: Sent = { bytes: 0 };
    let attempts = 0;
    const openStream = async () => {
      attempts += 1;
      let first = true;
      return new Duplex({
        read() {
          const chunk = first ? Buffer.concat([opening, flood]) : flood;
          first = false;
          sent.bytes += chunk.length;
          setImmediate(() => this.push(chunk));
        },
        write: (_chunk, _encoding, done) => done(),
      });
    };
    const opened = openControl({ ...gateway, openStream, withinMs: 500 });
    await expect(opened).rejects.toMatchObject({ code: 'GATEWAY_NO_ANSWER' });
    // Each attempt is given up after a megabyte, and none is begun without a pause.
    expect(sent.bytes / attempts).toBeLessThan(2 * 1_048_576);
  });
});

describe('case 39: facts', () => {
  const document = { nftables: [] };
  const facts = {
    v: 1,
    bootId: 'b',
    epochMs: 0,
    uptimeMs: 0,
    links: [],
    tunnel: null,
    ruleset: document,
    rules4: [],
    rules6: [],
    routes4: [],
    routes6: [],
    uplink: null,
    ipForward: true,
    disableIpv6: {},
    resolvers: [],
  };
  const counter = (name: string) => ({ counter: { name, packets: 1, bytes: 1 } });

  test('are taken', () => {
    expect(factsAnswer.safeParse(facts).success).toBe(true);
  });

  test.each<[string, object]>([
    ['more rules than any gateway has', { ruleset: { nftables: Array(5_000).fill({}) } }],
    ['more routes', { routes4: Array(2_000).fill({}) }],
    ['more cards', { links: Array(65).fill({}) }],
    ['an interface whose name is a path', { disableIpv6: { '../../../etc/shadow': true } }],
    ['a hundred resolvers', { resolvers: Array(100).fill('10.0.0.1') }],
  ])('%s: refused', (_what, more) => {
    expect(factsAnswer.safeParse({ ...facts, ...more }).success).toBe(false);
  });

  test('a counter by the name of what objects inherit changes nothing', () => {
    const parsed = factsAnswer.parse({ ...facts, ruleset: { nftables: [counter('__proto__'), counter('toString')] } });
    expect(Object.getPrototypeOf(parsed.counters)).toBe(Object.prototype);
    expect(({} as { packets?: unknown }).packets).toBeUndefined();
  });
});
