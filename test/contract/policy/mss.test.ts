/**
 * TCP through a tunnel that is narrower than both ends think, on a way that swallows what is too large and says nothing:
 * what comes is small enough from the beginning.
 *
 * @leakCase 31 none: on a way that swallows large packets and says nothing, TCP in both directions is clamped to the tunnel
 */
import { type ChildProcess, execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { compileNft, type Defence, type RemovedDefences } from '../../../src/core/policy/index.ts';
import { describeUnless } from '../../obstacle.ts';
import { openPolicy } from '../../unit/core/policy/policies.ts';
import { Namespaces, whyNot } from './namespaces.ts';

const NFT = '/usr/sbin/nft';
const PORT = 7_100;
const BYTES = 100_000;
/** Of a download that takes milliseconds. */
const PATIENCE_MS = 3_000;
/** Tunnels for paths of 1,280 and 800 bytes. */
const MTUS = [1_216, 736] as const;

const SERVE = `
require('node:net').createServer((socket) => { socket.on('error', () => {}); socket.end(Buffer.alloc(${BYTES})); })
  .listen(${PORT}, '9.9.9.9', () => process.stdout.write('listening'));
`;
const FETCH = `
let bytes = 0;
const socket = require('node:net').connect({ host: '9.9.9.9', port: ${PORT} });
socket.on('data', (data) => { bytes += data.length; });
const over = () => { process.stdout.write(String(bytes)); process.exit(); };
socket.on('end', over);
setTimeout(over, ${PATIENCE_MS});
`;

describeUnless(whyNot(), 'TCP in a narrow tunnel')('TCP in a narrow tunnel', () => {
  let net: Namespaces;
  let server: ChildProcess | undefined;
  beforeAll(async () => {
    net = new Namespaces();
    net.run('tun', NFT, 'add', 'rule', 'ip', 'deaf', 'input', 'tcp', 'dport', String(PORT), 'accept');
    net.run('work', NFT, 'add', 'rule', 'ip', 'deaf', 'input', 'tcp', 'sport', String(PORT), 'accept');
    // A packet at a time, as they are on a wire.
    net.run('tun', 'ip', 'link', 'set', 't1', 'gso_max_segs', '1');
    net.run('tun', NFT, 'table ip way { chain out { type filter hook postrouting priority 0; }; }');
    server = execFile('ip', ['netns', 'exec', net.name('tun'), process.execPath, '-e', SERVE]);
    await new Promise((resolve) => server?.stdout?.once('data', resolve));
  });
  afterAll(() => {
    server?.kill('SIGKILL');
    net?.remove();
  });

  async function fetched(mtu: number, ...removed: readonly Defence[]): Promise<number> {
    net.run('tun', NFT, `flush chain ip way out; add rule ip way out ip length > ${mtu} drop`);
    net.run('gw', 'ip', 'link', 'set', 'tun0', 'mtu', String(mtu));
    net.load(compileNft(openPolicy, new Set(removed) as unknown as RemovedDefences));
    net.lease('work0');
    const argv = ['netns', 'exec', net.name('work'), process.execPath, '-e', FETCH];
    const { stdout } = await promisify(execFile)('ip', argv);
    return Number(stdout);
  }

  test.each(MTUS)('case 31: a download through %i bytes comes whole', async (mtu) => {
    expect(await fetched(mtu)).toBe(BYTES);
  });

  test.each(MTUS)('case 31, anti-test: through %i bytes, without the clamp, it hangs', async (mtu) => {
    expect(await fetched(mtu, 'mss-clamp')).toBeLessThan(BYTES);
  });
});
