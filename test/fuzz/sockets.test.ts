import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, expect } from '@jest/globals';
import { VmgateError } from '../../src/core/coded.ts';
import { compileMatcher } from '../../src/core/policy/index.ts';
import { startGuard } from '../../src/guard/handle.ts';
import { readOrders } from '../../src/guard/orders.ts';
import { type GuardOrder, guardOrder, guardReport } from '../../src/guard/protocol.ts';
import { layoutOf } from '../../src/home/layout.ts';
import { SupervisorClient } from '../../src/supervisor/client.ts';
import { MAX_REQUEST, type Request, request } from '../../src/supervisor/protocol.ts';
import { type RequestServer, serve } from '../../src/supervisor/server.ts';
import { fuzz, orCodedLater } from './fuzz.ts';
import { mutatedJson } from './json-mutate.ts';
import { chunksOf, mutated } from './mutate.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'vmgate-fuzz-'));
const serverPath = path.join(folder, 'server.sock');
const hostileLayout = layoutOf(folder).gate('g');
afterAll(() => rmSync(folder, { recursive: true }));

const requests: readonly Request[] = [
  { id: 1, verb: 'up', config: '/home/ada/vmgate.yaml', digest: `sha256:${'0'.repeat(64)}` },
  { id: 2, verb: 'start', name: 'web' },
  { id: 3, verb: 'stop', name: 'web', force: true },
  { id: 4, verb: 'status' },
  { id: 5, verb: 'watch' },
  { id: 6, verb: 'dial', name: 'web', port: 22 },
  { id: 7, verb: 'proxy' },
  { id: 8, verb: 'connect', host: 'example.org', port: 443 },
  { id: 9, verb: 'forward', name: 'web' },
  { id: 10, verb: 'reach', name: 'web', port: 80 },
];
const asLines = (messages: readonly object[]) =>
  Buffer.from(messages.map((one) => `${JSON.stringify(one)}\n`).join(''));

/** Requests that reached the handler. */
let handled: Request[] = [];
let server: RequestServer;
beforeAll(async () => {
  server = await serve(serverPath, async (asked, exchange) => {
    handled.push(asked);
    if (asked.verb === 'dial') exchange.raw('ok').resume().end();
    return asked.verb;
  });
});
afterAll(() => server.close());

fuzz({
  name: 'supervisor-requests',
  batch: 50,
  inputs: mutated(
    [asLines(requests), asLines(requests.slice(1, 4)), Buffer.alloc(MAX_REQUEST + 10, ' ')],
    ['\n', '{}', '"id":', '"verb":'],
  ),
  judge: async (input) => {
    handled = [];
    const heard = await conversation(serverPath, input);
    expect(handled.every((asked) => request.safeParse(asked).success)).toBe(true);
    // After a dial the rest is a stream's.
    const dial = handled.some(({ verb }) => verb === 'dial');
    if (!dial) for (const line of heard.split('\n').slice(0, -1)) expect(JSON.parse(line)).toHaveProperty('id');
    // Whatever one client said, the next is served.
    const [answer] = (await conversation(serverPath, asLines([{ id: 77, verb: 'status' }]))).split('\n');
    expect(JSON.parse(answer ?? '')).toEqual({ id: 77, result: 'status' });
  },
});

/** All that is said to somebody who sends `bytes` and then hangs up. */
function conversation(socketPath: string, bytes: Buffer): Promise<string> {
  return new Promise((resolve) => {
    const heard: Buffer[] = [];
    const socket = net.connect({ path: socketPath, allowHalfOpen: false });
    socket.on('data', (chunk) => heard.push(chunk));
    socket.on('error', () => {});
    socket.on('close', () => resolve(Buffer.concat(heard).toString('utf8')));
    for (const chunk of chunksOf(bytes).slice(0, 50)) socket.write(chunk);
    socket.end();
  });
}

const EVENT = { code: 'GATE_PHASE', at: '2026-11-25T00:00:00.000Z', level: 'info', text: 'phase', payload: {} };
const ERROR = { code: 'GATE_BUSY', exit: 4, what: 'x', evidence: ['y'], remedy: 'z', payload: null };
const answers = [
  { id: 1, event: EVENT },
  { id: 1, error: ERROR },
  { id: 1, result: { phase: 'open' } },
];

/** A supervisor that greets as it should and then says `answer`. */
let answer: readonly Buffer[] = [];
const hostile = net.createServer((socket) => {
  let asked = 0;
  socket.on('error', () => {});
  socket.on('data', () => {
    asked += 1;
    if (asked === 1) return void socket.write('{"id":1,"result":{}}\n');
    for (const part of answer) socket.write(part);
    return void socket.end();
  });
});
beforeAll(async () => {
  const { mkdirSync } = await import('node:fs');
  mkdirSync(path.dirname(hostileLayout.socket), { recursive: true });
  await new Promise<void>((resolve) => hostile.listen(hostileLayout.socket, resolve));
});
afterAll(() => new Promise((resolve) => hostile.close(resolve)));

fuzz({
  name: 'supervisor-answers',
  batch: 50,
  inputs: mutated(
    [asLines(answers), asLines([{ ...answers[0], result: 1 }]), asLines(answers.slice(1))],
    [...['"event":', '"result":', '"error":', 'null', '\n', '[]', '{"id":1,', '"exit":"4"']],
  ),
  judge: async (input) => {
    answer = chunksOf(input).slice(0, 50);
    const client = await SupervisorClient.connect('g', hostileLayout);
    if (client === undefined) throw new Error('nobody listens');
    const events: unknown[] = [];
    try {
      await client.ask({ verb: 'watch' }, { onEvent: (event) => events.push(event) });
    } catch (fault) {
      if (!VmgateError.is(fault)) throw fault;
      expect([0, 1, 2, 3, 4, 5, 6, 7, 130]).toContain(fault.exit);
      expect(fault.evidence.every((line) => typeof line === 'string')).toBe(true);
      expect([fault.what, fault.remedy, fault.code].every((text) => typeof text === 'string')).toBe(true);
    } finally {
      client.close();
    }
    const text = expect.any(String);
    for (const event of events) expect(event).toMatchObject({ code: text, at: text, level: text, text });
  },
});

/** Bytes; src/guard/orders.ts. */
const MAX_ORDER = 65_536;
const orders = [
  { type: 'setup', outgoing: '/o', released: '/r', evidence: '/e', evidenceMaxBytes: 1_000 },
  {
    type: 'policy',
    uplink: { mac: '52:54:01:00:01:00', address: '10.0.2.15', nextHop: '10.0.2.2', dhcp: false },
    endpoints: [{ address: '198.51.100.7', port: 51_820, protocol: 'udp', shape: 'wireguard' }],
    tunnel: { localPort: 40_001, mtu: 1_420 },
  },
  { type: 'arm', generation: 3, monotonicMs: 1_000.5, wallMs: 1_790_000_000_000 },
  { type: 'canaries', tokens: ['00112233445566778899aabbccddeeff'] },
  { type: 'sync', id: 7 },
  { type: 'disarm' },
];

fuzz({
  name: 'guard-orders',
  inputs: mutatedJson(orders),
  judge: async (input) => {
    const stdin = new PassThrough();
    const obeyed: GuardOrder[] = [];
    const ends: (0 | 1)[] = [];
    const over = new Promise<void>((resolve) => {
      readOrders(
        stdin,
        (order) => {
          obeyed.push(order);
          // What an order says of addresses is what the matcher compiles: garbled ones must not get this far.
          if (order.type !== 'policy') return;
          const { uplink, endpoints } = order;
          compileMatcher({ uplink: { address: undefined, nextHop: undefined, ...uplink }, endpoints });
        },
        (_, status) => {
          ends.push(status);
          resolve();
        },
      );
    });
    const line = Buffer.concat([input, Buffer.from('\n')]);
    for (const chunk of chunksOf(line).slice(0, 50)) stdin.write(chunk);
    stdin.end();
    await over;
    // A longer line is cut, and then no order any more.
    const all = line
      .toString('utf8')
      .split('\n')
      .slice(0, -1)
      .map((text) => (text.length > MAX_ORDER ? '' : text));
    const first = all.findIndex((text) => !isOrder(text));
    expect(obeyed).toHaveLength(first < 0 ? all.length : first);
    // Nobody whose words make no sense is obeyed any further; and it is over once.
    expect(ends).toEqual([first < 0 ? 0 : 1]);
  },
});

function isOrder(line: string): boolean {
  try {
    return guardOrder.safeParse(JSON.parse(line)).success;
  } catch {
    return false;
  }
}

const counts = {
  passed: { arp: { frames: 1, bytes: 42 } },
  held: 0,
  foreign: 0,
  canaries: 0,
  overrun: 0,
  unrecorded: 0,
};
const reports = [
  { type: 'ready' },
  { type: 'counts', counts },
  { type: 'violation', why: 'multicast', frame: '00ff', canary: false, recorded: true },
  { type: 'disarmed', why: 'deadline' },
];

fuzz({
  name: 'guard-reports',
  batch: 3,
  inputs: mutated(
    [asLines(reports), asLines(reports.slice(0, 2)), asLines(reports.slice(1))],
    ['\n', '{"type":"ready"}\n', 'null'],
  ),
  judge: async (input) => {
    // A guard of which somebody got hold: it says what it likes, then stays.
    const entry = path.join(folder, 'guard.mjs');
    writeFileSync(
      entry,
      `process.stdin.on('end', () => process.exit(0)).resume(); process.stdout.write(Buffer.from(${JSON.stringify(input.toString('base64'))}, 'base64'));`,
    );
    const setup = { outgoing: '/o', released: '/r', evidence: '/e', evidenceMaxBytes: 1_000 };
    const uplink = { mac: '52:54:01:00:01:00', address: undefined, nextHop: undefined, dhcp: false };
    const guard = await orCodedLater(['GUARD_NOT_STARTED'], () =>
      startGuard({ entry, setup, uplink, timeoutMs: 1_000 }),
    );
    if (guard === undefined) return;
    guard.onReport((report) => expect(guardReport.safeParse(report).success).toBe(true));
    await guard.kill();
  },
});
