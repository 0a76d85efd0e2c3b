import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { judgeDefinition } from '../../src/core/definition.ts';
import { parseInfoNetwork, readFacts } from '../../src/drivers/qemu/facts.ts';
import { QmpClient, type QmpEvent } from '../../src/drivers/qemu/qmp.ts';
import { LineSplitter } from '../../src/host/index.ts';
import { DISK, workSpec } from '../unit/drivers/specs.ts';
import { corpusOf, fuzz, orCodedLater } from './fuzz.ts';
import { growsLinearly } from './growth.ts';
import { mutatedJson } from './json-mutate.ts';
import { chunksOf, mutated } from './mutate.ts';

const GREETING = {
  QMP: { version: { qemu: { micro: 22, minor: 2, major: 7 }, package: 'Debian' }, capabilities: ['oob'] },
};
const lines = [
  { return: { status: 'running', singlestep: false, running: true }, id: 2 },
  { timestamp: { seconds: 1_790_000_000, microseconds: 1 }, event: 'STOP' },
  { timestamp: { seconds: 1, microseconds: 1 }, event: 'SHUTDOWN', data: { guest: true, reason: 'guest-reset' } },
  { id: 2, error: { class: 'GenericError', desc: 'no' } },
  { return: {}, id: 1 },
  { return: {}, id: 999 },
];

let folder = '';
let server: net.Server;
/** What the one QEMU there is says: its greeting, and what it answers to everything but the negotiation. */
let script: { greeting: Buffer; answer: readonly Buffer[] } = { greeting: Buffer.alloc(0), answer: [] };
const socketPath = () => path.join(folder, 'qmp.sock');

beforeAll(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'vmgate-fuzz-'));
  server = net.createServer((socket) => {
    const { greeting, answer } = script;
    socket.on('error', () => {});
    socket.write(greeting);
    let heard = 0;
    socket.on('data', (chunk) => {
      heard += String(chunk).split('\n').length - 1;
      if (heard === 1) socket.write('{"return": {}, "id": 1}\r\n');
      if (heard !== 2) return;
      for (const part of answer) socket.write(part);
      socket.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(socketPath(), resolve));
});
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

fuzz({
  name: 'qmp-lines',
  batch: 50,
  inputs: mutated(
    [
      Buffer.from(lines.map((line) => `${JSON.stringify(line)}\r\n`).join('')),
      Buffer.from(`${JSON.stringify(lines[1])}\n`.repeat(400) + JSON.stringify(lines[0])),
      ...corpusOf('qmp-lines').map(({ bytes }) => bytes),
    ],
    ['"event":', '"data":', '"return":', '"error":', '"id":2,', 'null', '{}', '[]', '\n', 'x'.repeat(300)],
  ),
  judge: async (input) => {
    script = { greeting: Buffer.from(`${JSON.stringify(GREETING)}\r\n`), answer: chunksOf(input).slice(0, 50) };
    const client = await QmpClient.connect('gateway', socketPath());
    try {
      const events: QmpEvent[] = [];
      client.onEvent((event) => events.push(event));
      await orCodedLater(['DRIVER_'], () => client.execute('query-status'));
      expect((await client.closed).length).toBeLessThan(1_000);
      for (const { name, data } of events) {
        expect(name.length).toBeLessThanOrEqual(256);
        // Listeners take members out of it.
        expect(Object.prototype.toString.call(data)).toBe('[object Object]');
      }
      // Whatever it was, it is over: nothing waits for an answer that cannot come.
      await expect(client.execute('query-status')).rejects.toMatchObject({ code: expect.stringMatching(/^DRIVER_/) });
    } finally {
      client.close();
    }
  },
});

fuzz({
  name: 'qmp-greeting',
  batch: 50,
  inputs: mutatedJson([GREETING]),
  judge: async (input) => {
    script = { greeting: Buffer.concat([input, Buffer.from('\n')]), answer: [] };
    const client = await orCodedLater(['DRIVER_QMP_'], () => QmpClient.connect('gateway', socketPath(), 5_000));
    if (client === undefined) return;
    expect(client.version).toMatch(/^-?\d+\.-?\d+\.-?\d+$/);
    client.close();
  },
});

fuzz({
  name: 'lines',
  inputs: mutated([Buffer.from('one\ntwo\r\n\n\u00e4\u20ac\u{1f4a5}\nlast'), Buffer.alloc(100, '\n')], ['\n', '\r']),
  judge: (input) => {
    const LIMIT = 40;
    const [cut, whole]: [string[], string[]] = [[], []];
    const splitter = new LineSplitter((line) => cut.push(line), LIMIT);
    for (const chunk of chunksOf(input)) splitter.push(chunk);
    splitter.end();
    const once = new LineSplitter((line) => whole.push(line), LIMIT);
    once.push(input);
    once.end();
    expect(cut).toEqual(whole);
    expect(cut.every((line) => line.length <= LIMIT && !line.includes('\n'))).toBe(true);
    if (input.every((byte) => byte < 0x80)) {
      const expected = input
        .toString('latin1')
        .split('\n')
        .map((line) => line.slice(0, LIMIT).replace(/\r$/, ''));
      if (input.length === 0 || input.at(-1) === 10) expected.pop();
      expect(cut).toEqual(expected);
    }
  },
});

const SPEC = workSpec();
const NETWORK = `nic: index=0,type=nic,model=virtio-net-pci,macaddr=${SPEC.mac}\r\n \\ wire: index=0,type=dgram,udp=${SPEC.wire.localPath}:${SPEC.wire.remotePath}\r\n`;
/** What QEMU 7.2 says about the machine of `SPEC`, by command; `qom-list` and `qom-get` by path. */
const MACHINE = {
  'query-status': { status: 'prelaunch', singlestep: false, running: false },
  'human-monitor-command': NETWORK,
  'query-named-block-nodes': [
    { 'node-name': 'disk', drv: 'qcow2', file: DISK.overlay, backing_file: DISK.base.path, ro: false },
    { 'node-name': 'disk-file', drv: 'file', file: DISK.overlay },
    { 'node-name': 'base', drv: 'qcow2', file: DISK.base.path },
    { 'node-name': 'base-file', drv: 'file', file: DISK.base.path },
  ],
  'query-chardev': [{ label: 'qmp', filename: `unix:${SPEC.folder}/qmp.sock,server=on`, 'frontend-open': true }],
  'query-display-options': { type: 'none' },
  'query-vnc-servers': [],
  'query-spice': { enabled: false },
  'query-pci': [{ bus: 0, devices: [{ class_info: { class: 512 } }, { class_info: { class: 1_536 } }] }],
  'qom-list': {
    '/machine/peripheral': [
      { name: 'type', type: 'string' },
      { name: 'rng', type: 'child<virtio-rng-pci>' },
      { name: 'nic', type: 'child<virtio-net-pci>' },
      { name: 'disk0', type: 'child<virtio-blk-pci>' },
    ],
    '/machine/peripheral-anon': [{ name: 'type', type: 'string' }],
    '/machine/peripheral/nic': [
      { name: 'mac', type: 'str' },
      { name: 'netdev', type: 'str' },
    ],
    '/machine/peripheral/rng': [{ name: 'rng', type: 'link<rng-backend>' }],
    '/machine/peripheral/disk0': [{ name: 'drive', type: 'str' }],
  },
  'qom-get': { mac: SPEC.mac, netdev: 'wire' },
};
const honest = factsOf(MACHINE);

/** The facts of a machine whose monitor answers from `table`. */
function factsOf(table: unknown) {
  const member = (value: unknown, key: string): unknown =>
    typeof value === 'object' && value !== null && Object.hasOwn(value, key)
      ? (value as Record<string, unknown>)[key]
      : undefined;
  let asked = 0;
  const execute: QmpClient['execute'] = async (command, args) => {
    asked += 1;
    if (asked > 20_000) throw new Error('it asks for ever');
    const answer = member(table, command);
    const { path: folder, property } = (args ?? {}) as { path?: string; property?: string };
    if (command === 'qom-list') return member(answer, folder ?? '');
    return command === 'qom-get' ? member(answer, property ?? '') : answer;
  };
  return readFacts({ execute }, SPEC.name);
}

test('the machine that is mutated below is the one that was asked for', async () => {
  expect(judgeDefinition(SPEC, await honest).outcome).toBe('verified');
});

fuzz({
  name: 'qmp-facts',
  inputs: mutatedJson([MACHINE], ['nic: index=0,type=nic', ' \\\\ wire: index=0,', 'child<', '>']),
  judge: async (input) => {
    const table = parsed(input);
    if (table === undefined) return;
    const facts = await orCodedLater(['DRIVER_QMP_GARBLED'], () => factsOf(table));
    if (facts === undefined) return;
    const { outcome, evidence } = judgeDefinition(SPEC, facts);
    expect(JSON.stringify(evidence).length).toBeLessThan(4 * input.length + 10_000);
    if (outcome !== 'verified') return;
    // Accepted only what is the machine that was asked for, down to the names that are free.
    const known = await honest;
    const essence = ({ cards, backends, blocks, devices, chardevs }: typeof facts) => ({
      cards: cards.map(({ model, mac }) => ({ model, mac: mac.toLowerCase() })),
      backends: backends.map(({ type, detail }) => ({ type, detail: detail.replace(/^[a-z]+=/, '') })),
      blocks: blocks.map(({ driver, file, backing }) => `${driver} ${file} ${backing}`).toSorted(),
      devices: devices.map(({ type }) => type).toSorted(),
      sockets: chardevs.every(({ target }) => target.includes(`unix:${SPEC.folder}/`) && !target.includes('..')),
    });
    expect(essence(facts)).toEqual({ ...essence(known), sockets: true });
  },
});

fuzz({
  name: 'info-network',
  inputs: mutated([Buffer.from(NETWORK)], [' \\ ', 'type=nic', ',macaddr=', '\r\n', ': index=0,type=user,']),
  judge: (input) => {
    const text = input.toString('utf8');
    const clients = parseInfoNetwork(text);
    if (clients === undefined) return;
    expect(clients).toHaveLength(text.split(/\r?\n/).filter((line) => line !== '').length);
    for (const { id, type, detail } of clients) for (const part of [id, type, detail]) expect(text).toContain(part);
  },
});

growsLinearly(
  'QMP line that never ends',
  1_000_000,
  (n) => Array<Buffer>(n / 100).fill(Buffer.alloc(100, 'x')),
  (chunks) => {
    const splitter = new LineSplitter(() => {}, 1_048_576);
    for (const chunk of chunks) splitter.push(chunk);
    splitter.end();
  },
);
test('a line that comes byte by byte weighs its bytes, not a hundred times as much', () => {
  const splitter = new LineSplitter(() => {}, 1_048_576);
  const byte = Buffer.from('x');
  const before = process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
  for (let left = 300_000; left > 0; left -= 1) splitter.push(byte);
  const after = process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
  expect(after - before).toBeLessThan(20_000_000);
  splitter.end();
});
growsLinearly('info network', 65_536, (n) => 'a'.repeat(n), parseInfoNetwork);

function parsed(input: Buffer): unknown {
  try {
    return JSON.parse(input.toString('utf8'));
  } catch {
    return undefined;
  }
}
