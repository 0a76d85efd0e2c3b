/**
 * A work VM that speaks from the very port of the VPN's socket, to the very server: what the server says to the socket must
 * reach the socket and not the work VM ("port shadow", CVE-2021-3773).
 *
 * @leakCase 12 none: a work VM that takes the VPN socket's port, towards the VPN's server too, hears nothing of what is meant for it
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { compileNft, type Defence, type RemovedDefences } from '../../../src/core/policy/index.ts';
import { describeUnless, missing } from '../../obstacle.ts';
import { endpoint, link, openPolicy } from '../../unit/core/policy/policies.ts';
import { Namespaces, type Space, whyNot } from './namespaces.ts';

jest.setTimeout(60_000);

const { localPort = 0, mark = 0 } = openPolicy.tunnel ?? {};
const [GATEWAY, WORK] = ['10.0.2.15', link(0).guest];
const ARRIVED_MS = 1_000;

const LISTEN = `
const [address, port] = process.argv.slice(1);
require('node:dgram').createSocket('udp4').on('message', (data) => process.stdout.write(data))
  .bind(Number(port), address, () => process.stdout.write('listening,'));
`;

describeUnless(whyNot() ?? missing('socat'), 'the port of the VPN socket')('the port of the VPN socket', () => {
  let net: Namespaces;
  const children: ChildProcess[] = [];
  beforeAll(() => {
    net = new Namespaces();
    net.run('work', '/usr/sbin/nft', 'add', 'rule', 'ip', 'deaf', 'input', 'udp', 'dport', `${localPort}`, 'accept');
  });
  beforeEach(() => {
    net.run('gw', 'conntrack', '-F');
  });
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });
  afterAll(() => net?.remove());

  async function listen(space: Space, address: string): Promise<() => string> {
    const argv = ['netns', 'exec', net.name(space), process.execPath, '-e', LISTEN, address, `${localPort}`];
    const child = spawn('ip', argv, { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    let heard = '';
    child.stdout.on('data', (chunk: Buffer) => {
      heard += chunk;
    });
    await once(child.stdout, 'data');
    return () => heard;
  }

  /** The work VM speaks first, then the VPN's socket; who hears what the server says to the socket. */
  async function shadowed(...removed: readonly Defence[]) {
    net.load(compileNft(openPolicy, new Set(removed) as unknown as RemovedDefences));
    // What every ordinary router does for those behind it.
    if (removed.length > 0) net.nft('add', 'rule', 'inet', 'vmgate', 'postrouting', 'oifname', 'up0', 'masquerade');
    net.lease('work0');
    const server = `${endpoint.address}:${endpoint.port}`;
    const first = net.send({ from: 'work', source: `${WORK}:${localPort}`, destination: server });
    net.send({ from: 'gw', source: `${GATEWAY}:${localPort}`, destination: server, mark });
    const [socket, work] = [await listen('gw', GATEWAY), await listen('work', WORK)];
    net.send({ from: 'up', source: server, destination: `${GATEWAY}:${localPort}` });
    await delay(ARRIVED_MS);
    return { first, socket: socket(), work: work() };
  }

  test('case 12: what the work VM says does not leave by the uplink, what the server says reaches the socket', async () => {
    expect(await shadowed()).toEqual({ first: { dropped_forward: 1 }, socket: 'listening,vmgate', work: 'listening,' });
  });

  test('case 12, anti-test: through an ordinary router the work VM hears what is meant for the socket', async () => {
    const { work } = await shadowed('tunnel-only', 'no-shortcut', 'uplink-input', 'uplink-output');
    expect(work).toContain('vmgate');
  });
});
