import { describe, expect, test } from '@jest/globals';
import { buildDnsQuery, parseDns } from '../../../src/frame/index.ts';
import type { GatewayControl } from '../../../src/gateway/index.ts';
import { carriedMtu, carries } from '../../../src/supervisor/path-mtu.ts';
import type { TunnelPlan } from '../../../src/vpn/index.ts';

const HEADERS = 28;
const plan = { mtu: 1_420, resolvers: ['10.66.0.1'], split: false, searchDomains: [] } as unknown as TunnelPlan;

/** A gateway whose tunnel lies in a way that carries inner packets of at most `most` bytes, and how often it was asked. */
function gateway(most: number, change: (answer: Buffer) => Buffer = (answer) => answer) {
  const asked: number[] = [];
  const lookup = async (_resolver: string, question: Buffer) => {
    asked.push(question.length + HEADERS);
    if (question.length + HEADERS > most) return undefined;
    const answer = Buffer.from(question);
    answer.writeUInt16BE(0x8183, 2);
    return change(answer);
  };
  return { asked, control: { lookup } as unknown as GatewayControl };
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

  test('five questions at most, none larger than the plan means', async () => {
    const { asked, control } = gateway(520);
    await carriedMtu(control, plan);
    expect(asked.length).toBeLessThanOrEqual(5);
    expect(Math.max(...asked)).toBe(1_420);
  });

  test('never above the plan', async () => {
    expect(await carriedMtu(gateway(1_000).control, { ...plan, mtu: 800 })).toBe(800);
  });

  test.each<[string, (answer: Buffer) => Buffer]>([
    ['another number', (answer) => Buffer.concat([Buffer.from([~(answer[0] ?? 0) & 0xff]), answer.subarray(1)])],
    ['a question', (answer) => Buffer.concat([answer.subarray(0, 2), Buffer.from([1, 0]), answer.subarray(4)])],
    ['nothing to read', () => Buffer.alloc(3)],
  ])('%s is no answer', async (_, change) => {
    expect(await carries(gateway(1_500, change).control, plan, 1_420)).toBe(false);
  });
});

test('a question that is filled up has that very length, and reads as the same question', () => {
  const query = buildDnsQuery(7, 'nonce.invalid', undefined, 1_392);
  expect(query).toHaveLength(1_392);
  expect(parseDns(query)).toMatchObject({ id: 7, question: { name: 'nonce.invalid', type: 1 } });
});
