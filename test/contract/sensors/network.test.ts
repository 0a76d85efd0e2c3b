/**
 * The network sensor on a real kernel, in a network namespace of its own: cards, addresses and routes come and go there,
 * and nothing of this machine's own network is touched or heard.
 */
import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { PULSE_MS } from '../../../src/core/gate/opening.ts';
import { LineSplitter, monotonicMs } from '../../../src/host/index.ts';
import { processes } from '../../../src/lab/index.ts';
import { describeUnless, missing } from '../../obstacle.ts';
import { buildProgram } from '../../unit/guard/build.ts';

jest.setTimeout(60_000);

/** Of an open gate's pulse: what nobody hears of, a check would notice then. */
const TWO_INTERVALS_MS = 2 * PULSE_MS;
const ENDPOINT = '198.51.100.10';
const NAMESPACE = ['--user', '--map-root-user', '--net'];

function noNamespace(): string | undefined {
  const absent = missing('unshare', 'ip');
  if (absent !== undefined || process.platform !== 'linux') return absent ?? 'needs Linux';
  return spawnSync('unshare', [...NAMESPACE, 'true']).status === 0 ? undefined : 'no user namespaces here';
}

type Said = Readonly<Record<string, unknown>>;

/** The sensor's process, and what it said. */
class Watched {
  readonly said: Said[] = [];
  readonly folder = mkdtempSync(path.join(tmpdir(), 'vmgate-net-'));
  readonly resolvConf = path.join(this.folder, 'resolv.conf');
  readonly #ended: Promise<unknown>;
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;

  constructor(program: string) {
    this.resolve('192.168.1.1');
    const argv = [...NAMESPACE, process.execPath, program, ENDPOINT, this.resolvConf];
    this.#child = spawn('unshare', argv, { stdio: ['pipe', 'pipe', 'inherit'], env: { PATH: process.env['PATH'] } });
    this.#ended = new Promise((resolve) => this.#child.once('exit', resolve));
    const lines = new LineSplitter((line) => this.said.push(JSON.parse(line) as Said));
    this.#child.stdout.on('data', (chunk: Buffer) => lines.push(chunk));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  resolve(...servers: readonly string[]): void {
    writeFileSync(this.resolvConf, servers.map((server) => `nameserver ${server}\n`).join(''));
  }

  async ip(...lines: readonly string[]): Promise<void> {
    for (const line of lines) {
      this.#child.stdin.write(`${line}\n`);
      await this.until(({ did }) => did === line);
    }
  }

  async watch(): Promise<void> {
    this.#child.stdin.write('watch\n');
    await this.until(({ watching }) => watching === ENDPOINT);
    // The tool has to be up, for what it is to be quicker in than the poll.
    await delay(500);
    this.said.length = 0;
  }

  /** The first message that fits, and how long it took. */
  async until(fits: (said: Said) => boolean, ms = 10_000): Promise<{ readonly said: Said; readonly ms: number }> {
    const began = monotonicMs();
    for (;;) {
      const found = this.said.find(fits);
      if (found !== undefined) return { said: found, ms: monotonicMs() - began };
      if (monotonicMs() - began > ms) throw new Error(`not said within ${ms} ms: ${JSON.stringify(this.said)}`);
      await delay(10);
    }
  }

  notices(): readonly Said[] {
    return this.said.filter((said) => 'shaken' in said || 'stirred' in said);
  }

  async close(): Promise<void> {
    this.#child.stdin.on('error', () => {});
    this.#child.stdin.end();
    await this.#ended;
    rmSync(this.folder, { recursive: true });
  }
}

let program: string;
let watched: Watched;

/** A card, up, with a carrier for as long as its other end is up too. */
const card = (name: string) => [`link add ${name} type veth peer name far-${name}`, `link set far-${name} up`];

/** On the Wi-Fi of a cafe, as far as the kernel is concerned. */
const CAFE = [
  'link set lo up',
  ...card('wlan9'),
  'addr add 192.168.1.23/24 dev wlan9',
  'link set wlan9 up',
  'route add default via 192.168.1.1 dev wlan9',
];

const monitorsOf = async (pid: number) =>
  (await processes()).filter(({ args, parent }) => parent === pid && /ip -o monitor/.test(args));

describeUnless(noNamespace(), 'the network sensor in a namespace')('the network sensor', () => {
  beforeAll(async () => {
    program = await buildProgram('test/contract/sensors/watched-network.ts');
  });
  beforeEach(async () => {
    watched = new Watched(program);
    await watched.ip(...CAFE);
    await watched.watch();
  });
  afterEach(() => watched.close());

  const shaken = ({ shaken: code }: Said) => code !== undefined;

  test.each<[string, readonly string[], string]>([
    [
      'another address',
      ['addr add 10.31.4.7/16 dev wlan9', 'route replace default via 10.31.0.1 dev wlan9'],
      'SENSOR_NETWORK_CHANGED',
    ],
    ['another router', ['route replace default via 192.168.1.254 dev wlan9'], 'SENSOR_NETWORK_CHANGED'],
    [
      'another card with a better route',
      [
        ...card('eth9'),
        'addr add 10.0.0.5/24 dev eth9',
        'link set eth9 up',
        'route replace default via 10.0.0.1 dev eth9',
      ],
      'SENSOR_NETWORK_CHANGED',
    ],
    [
      'a route to the endpoint alone, as an evil DHCP server offers it',
      [
        ...card('eth9'),
        'addr add 10.0.0.5/24 dev eth9',
        'link set eth9 up',
        `route add ${ENDPOINT} via 10.0.0.1 dev eth9`,
      ],
      'SENSOR_NETWORK_CHANGED',
    ],
    [
      'another table that decides',
      [
        ...card('eth9'),
        'addr add 10.0.0.5/24 dev eth9',
        'link set eth9 up',
        'route add default via 10.0.0.1 dev eth9 table 7',
        `rule add to ${ENDPOINT} table 7`,
      ],
      'SENSOR_NETWORK_CHANGED',
    ],
    ['the card goes down', ['link set wlan9 down'], 'SENSOR_NETWORK_GONE'],
    ['the carrier is lost: out of reach, or the cable pulled', ['link set far-wlan9 down'], 'SENSOR_NETWORK_GONE'],
  ])('%s: noticed within two check intervals', async (_, lines, code) => {
    const [last = '', ...first] = [...lines].reverse();
    for (const line of first.reverse()) await watched.ip(line);
    const isEarly = watched.said.some(shaken);
    const doing = watched.ip(last);
    const { said, ms } = await watched.until(shaken);
    await doing;
    expect(said['shaken']).toBe(code);
    if (!isEarly) expect(ms).toBeLessThan(TWO_INTERVALS_MS);
  });

  test('another resolver: no tool tells of that, the poll does', async () => {
    watched.resolve('10.31.0.1');
    const { said, ms } = await watched.until(shaken);
    expect(said).toEqual({
      shaken: 'SENSOR_NETWORK_CHANGED',
      payload: { changes: ['resolvers 192.168.1.1 -> 10.31.0.1'] },
    });
    expect(ms).toBeLessThan(TWO_INTERVALS_MS);
  });

  test.each<[string, readonly string[]]>([
    ['a bridge of containers', [...card('docker9'), 'addr add 172.17.0.1/16 dev docker9', 'link set docker9 up']],
    ['a temporary IPv6 address', ['addr add 2001:db8::a/64 dev wlan9']],
    ['a second address beside the first', ['addr add 192.168.1.24/24 dev wlan9']],
  ])('%s cannot matter: a verification is asked for, and no more', async (_, lines) => {
    await watched.ip(...lines);
    await watched.until((said) => 'stirred' in said);
    await delay(1_500);
    expect(watched.notices()).toHaveLength(1);
  });

  test('what is no change of a network at all is nothing', async () => {
    await watched.ip(
      'link set wlan9 mtu 1400',
      'route add unreachable 10.9.0.0/16',
      'addr change 192.168.1.23/24 dev wlan9',
    );
    await delay(1_500);
    expect(watched.notices()).toEqual([]);
  });

  test('its tool is killed: said, started again, and changes are noticed meanwhile', async () => {
    const [monitor] = await monitorsOf(watched.pid);
    if (monitor === undefined) throw new Error('no monitor runs');
    process.kill(monitor.pid, 'SIGKILL');
    await watched.until(({ record }) => record === 'SENSOR_LOST');
    await watched.ip('route replace default via 192.168.1.254 dev wlan9');
    await watched.until(shaken);
    const { said } = await watched.until(({ record }) => record === 'SENSOR_BACK', 20_000);
    expect(said).toEqual({ record: 'SENSOR_BACK', text: 'the sensor ip monitor works again' });
  });

  test('its process is killed: no tool is left', async () => {
    const [monitor] = await monitorsOf(watched.pid);
    if (monitor === undefined) throw new Error('no monitor runs');
    process.kill(watched.pid, 'SIGKILL');
    await delay(300);
    const left = (await processes()).filter(({ pid, args }) => pid === monitor.pid && !/defunct/.test(args));
    expect(left).toEqual([]);
  });
});
