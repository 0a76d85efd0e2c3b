import { expect, test } from '@jest/globals';
import type * as z from 'zod';
import { parsePcap } from '../../../src/frame/index.ts';
import type { LabAgent } from '../../../src/lab/agent.ts';
import { LabControls } from '../../../src/lab/controls.ts';

interface Asked {
  readonly doing: string;
  readonly payload: Buffer | undefined;
}

/** Answers each verb from a table and remembers what was asked. */
function scripted(answers: Readonly<Record<string, () => unknown>>) {
  const asked: Asked[] = [];
  const agent: Pick<LabAgent, 'ask'> = {
    ask: async <T>(schema: z.ZodType<T>, verb: string, words: readonly (string | number)[] = [], more = {}) => {
      asked.push({ doing: [verb, ...words].join(' '), payload: (more as { payload?: Buffer }).payload });
      return schema.parse(answers[verb]?.() ?? { ok: true });
    },
  };
  return { asked, controls: new LabControls(agent as LabAgent) };
}

const counting = (foreign: number) => {
  const packets = { arp: 0, dhcp: 0, tunnel: 0, foreign, stranger: 0, portal: 0 };
  const nftables = Object.entries(packets).map(([name, count]) => ({
    counter: { name: `seen_${name}`, packets: count },
  }));
  return { ok: true, nft: { nftables } };
};
const base64 = (text: string) => ({ ok: true, data: Buffer.from(text).toString('base64') });

test('each order is one line of words', async () => {
  const { asked, controls } = scripted({});
  await controls.fault('relayed', true);
  await controls.fault('tunnel-silent', false);
  await controls.server('down');
  await controls.serverKey('wrong');
  await controls.exitAddress('203.0.113.9');
  await controls.admit('KEY=', ['10.66.0.2/32', '10.213.0.0/24']);
  await controls.resetCounts();
  await controls.clearLogs();
  expect(asked.map(({ doing }) => doing)).toEqual([
    'fault relayed on',
    'fault tunnel-silent off',
    'server down',
    'key wrong',
    'exit_address 203.0.113.9',
    'peer KEY= 10.66.0.2/32,10.213.0.0/24',
    'reset',
    'clear_logs',
  ]);
});

test('a page travels behind its path and length, in bytes', async () => {
  const { asked, controls } = scripted({});
  await controls.page('/debian/dists/trixie/InRelease', 'straße');
  expect(asked).toEqual([{ doing: 'page /debian/dists/trixie/InRelease 7', payload: Buffer.from('straße') }]);
});

test('injected frames travel as a pcap of the length that was said', async () => {
  const { asked, controls } = scripted({});
  const frames = [Buffer.alloc(60, 1), Buffer.alloc(1_514, 2)];
  await controls.inject(frames);
  const [{ doing, payload } = { doing: '', payload: undefined }] = asked;
  expect(doing).toBe(`inject ${payload?.length}`);
  expect(parsePcap(payload ?? Buffer.alloc(0))?.map(({ frame }) => frame)).toEqual(frames);
});

test('many frames go in several turns, none in none', async () => {
  const { asked, controls } = scripted({});
  await controls.inject(Array.from({ length: 3_001 }, () => Buffer.alloc(60)));
  expect(asked).toHaveLength(2);
  await controls.inject([]);
  expect(asked).toHaveLength(2);
});

test('a scan reports how many frames came back', async () => {
  const foreign = [5, 12];
  const { controls } = scripted({ counts: () => counting(foreign.shift() ?? 0) });
  const target = { mac: '52:54:01:00:00:01', address: '192.168.77.50', ports: [22] };
  expect(await controls.scan(target)).toEqual({ probes: 3, answers: 7 });
});

test('logs and captures come as base64', async () => {
  const { asked, controls } = scripted({
    log: () => base64('1.5 http 203.0.113.7 203.0.113.80 /x\n'),
    capture: () => base64('pcap'),
    seen: () => ({ ok: true, frames: 2 }),
    connect: () => ({ ok: true, reached: 'silent' }),
  });
  expect(await controls.httpLog()).toMatchObject([{ source: '203.0.113.7', path: '/x' }]);
  expect(await controls.dnsLog('vpn')).toEqual([]);
  expect(await controls.capture('foreign')).toEqual(Buffer.from('pcap'));
  expect(await controls.framesWith(Buffer.from('token'))).toBe(2);
  expect(await controls.connectIn('tcp', '10.66.0.2', 22)).toBe('silent');
  expect(asked.map(({ doing }) => doing)).toEqual([
    'log http',
    'log dns-vpn',
    'capture foreign',
    'seen all 746f6b656e',
    'connect tcp 10.66.0.2 22',
  ]);
});
