/**
 * The firewall loaded ten thousand times while a work VM without a lease floods: is there ever a moment between two
 * rulesets? There is one for chains whose policy alone drops. In network namespaces, where a load takes milliseconds and
 * the flood is the host's own speed.
 *
 * @leakCase 18 none: the firewall loaded 10,000 times under a flood, as one transaction each: no packet gets through
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { compileNft, renderNft } from '../../../src/core/policy/index.ts';
import { Namespaces, whyNot } from '../../contract/policy/namespaces.ts';
import { describeUnless } from '../../obstacle.ts';
import { link, openPolicy } from '../../unit/core/policy/policies.ts';

jest.setTimeout(1_800_000);

const RELOADS = 10_000;
/** Loads at a time, and how often, until a moment of some microseconds is hit. */
const TRIES = { loads: 500, times: 20 };
const PORT = 7_000;
const NFT = '/usr/sbin/nft';
/** Counted where they would arrive, behind the tunnel and behind the uplink, before anything there judges them. */
const SEEN = `table ip seen { counter flood { }
  chain arriving { type filter hook prerouting priority -400; udp dport ${PORT} counter name "flood"; }; }`;
const FLOOD = `
const [source, destination, port] = process.argv.slice(1);
const socket = require('node:dgram').createSocket('udp4');
let sent = 0;
socket.bind(5000, source, () => setInterval(() => {
  for (let burst = 0; burst < 20; burst += 1) socket.send('flood', Number(port), destination, () => { sent += 1; });
}, 1));
process.on('SIGTERM', () => { process.stdout.write(String(sent)); process.exit(); });
`;

describeUnless(whyNot(), 'the reload race')('case 18: the firewall loaded again and again under a flood', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'vmg-race-'));
  const file = path.join(folder, 'ruleset.json');
  const undecided = path.join(folder, 'undecided.json');
  let net: Namespaces;
  let flood: ChildProcess | undefined;

  beforeAll(() => {
    net = new Namespaces();
    const ruleset = renderNft(compileNft(openPolicy));
    writeFileSync(file, ruleset);
    writeFileSync(undecided, ruleset.replaceAll(',{"drop":null}', ''));
    for (const space of ['tun', 'up'] as const) net.run(space, NFT, SEEN);
  });
  afterAll(() => {
    net.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  beforeEach(() => {
    net.load(compileNft(openPolicy));
    for (const space of ['tun', 'up'] as const) net.run(space, NFT, 'reset', 'counters');
  });
  afterEach(() => {
    flood?.kill('SIGKILL');
  });

  function startFlood(): void {
    const argv = [
      'netns',
      'exec',
      net.name('work'),
      process.execPath,
      '-e',
      FLOOD,
      link(0).guest,
      '9.9.9.9',
      `${PORT}`,
    ];
    flood = spawn('ip', argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  }

  /** Packets tried, and those that arrived anywhere. */
  async function during(times: number, load: string) {
    startFlood();
    net.run('gw', 'sh', '-c', `n=0; while [ $n -lt ${times} ]; do ${load} || exit; n=$((n + 1)); done`);
    const said = once(flood?.stdout ?? process.stdin, 'data') as Promise<[Buffer]>;
    flood?.kill('SIGTERM');
    const [sent] = await said;
    const count = (space: 'tun' | 'up') =>
      Number(/packets (\d+)/.exec(net.run(space, NFT, 'list', 'counters'))?.[1] ?? Number.NaN);
    return { tried: Number(sent.toString()), tun: count('tun'), up: count('up') };
  }

  test('anti-test: flushed first and loaded then, as two steps, some get through', async () => {
    const { tun, up } = await during(100, `${NFT} flush ruleset && ${NFT} -j -f ${file}`);
    expect(tun + up).toBeGreaterThan(0);
  });

  test('anti-test: as one transaction, but without a drop at the end of each chain, some get through', async () => {
    let through = 0;
    for (let times = 0; through === 0 && times < TRIES.times; times += 1) {
      const { tun, up } = await during(TRIES.loads, `${NFT} -j -f ${undecided}`);
      through = tun + up;
    }
    expect(through).toBeGreaterThan(0);
  });

  test(`${RELOADS} times as one transaction: none`, async () => {
    const { tried, tun, up } = await during(RELOADS, `${NFT} -j -f ${file}`);
    process.stderr.write(`case 18: ${tried} packets tried during ${RELOADS} reloads\n`);
    expect(tried).toBeGreaterThan(RELOADS);
    expect({ tun, up }).toEqual({ tun: 0, up: 0 });
  });
});
