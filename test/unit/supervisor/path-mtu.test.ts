import { Duplex } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import { buildDnsQuery, parseDns } from '../../../src/frame/index.ts';
import type { GatewayControl } from '../../../src/gateway/index.ts';
import { carriedMtu, carries } from '../../../src/supervisor/path-mtu.ts';
import type { TunnelPlan } from '../../../src/vpn/index.ts';

/** IPv4, TCP with timestamps. */
const HEADERS = 52;
const plan = { mtu: 1_420, resolvers: ['10.66.0.1'], split: false, searchDomains: [] } as unknown as TunnelPlan;

/** A gateway whose tunnel lies in a way that carries inner packets of at most `most` bytes, and how large the asked were. */
function gateway(
  most: number,
  change: (answer: Buffer) => Buffer = (answer) => answer,
  delayMs: number | ((asked: number) => number) = 0,
) {
  const asked: number[] = [];
  const dial = async () => {
    const stream = new Duplex({
      read: () => {},
      write: (segment: Buffer, _, done) => {
        done();
        asked.push(segment.length + HEADERS);
        // Swallowed: nobody waits for the real time here.
        if (segment.length + HEADERS > most) return stream.destroy();
        const answer = Buffer.from(segment);
        answer.writeUInt16BE(0x8183, 4);
        const ms = typeof delayMs === 'number' ? delayMs : delayMs(segment.length + HEADERS);
        if (ms === 0) stream.push(change(answer));
        else setTimeout(() => stream.destroyed || stream.push(change(answer)), ms);
        return undefined;
      },
    });
    return stream;
  };
  return { asked, control: { dial } as unknown as GatewayControl };
}

function flipped(answer: Buffer, at: number, bits: number): Buffer {
  const changed = Buffer.from(answer);
  changed[at] = (changed[at] ?? 0) ^ bits;
  return changed;
}

describe('the size that a way carries', () => {
  test.each([
    [1_500, 1_420],
    [1_400, 1_360],
    [1_360, 1_360],
    [1_220, 1_216],
    [740, 736],
    [520, 512],
  ])('%i bytes: %i', async (most, mtu) => {
    expect(await carriedMtu(gateway(most).control, plan)).toBe(mtu);
  });

  test('a resolver that answers nothing large says nothing about the way', async () => {
    expect(await carriedMtu(gateway(100).control, plan)).toBe(1_420);
  });

  test('six questions at most, none larger than the plan means', async () => {
    const { asked, control } = gateway(520);
    await carriedMtu(control, plan);
    expect(asked.length).toBeLessThanOrEqual(6);
    expect(Math.max(...asked)).toBe(1_420);
  });

  test('a machine that is slow with every answer has no narrow way', async () => {
    const slow = gateway(1_500, (answer) => answer, 800);
    expect(await carries(slow.control, plan, 1_420, 700)).toBe(false);
    const patient = gateway(
      1_500,
      (answer) => answer,
      (asked) => (asked < 1_000 ? 700 : 2_200),
    );
    expect(await carriedMtu(patient.control, plan)).toBe(1_420);
  });

  test('never above the plan', async () => {
    expect(await carriedMtu(gateway(1_000).control, { ...plan, mtu: 800 })).toBe(800);
  });

  test.each<[string, (answer: Buffer) => Buffer]>([
    ['another number', (answer) => flipped(answer, 2, 0xff)],
    ['a question', (answer) => flipped(answer, 4, 0x80)],
    ['nothing to read', () => Buffer.from([0, 1, 0])],
  ])('%s is no answer', async (_, change) => {
    expect(await carries(gateway(1_500, change).control, plan, 1_420)).toBe(false);
  });
});

test('a question that is filled up has that very length, and reads as the same question', () => {
  const query = buildDnsQuery(7, 'nonce.invalid', undefined, 1_392);
  expect(query).toHaveLength(1_392);
  expect(parseDns(query)).toMatchObject({ id: 7, question: { name: 'nonce.invalid', type: 1 } });
});
