/** The real wg(8) and wg-quick(8) on one side, src/vpn on the other. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { run } from '../../../src/host/index.ts';
import { planWireGuard, publicKeyOf } from '../../../src/vpn/index.ts';
import { describeUnless, missing, notRoot } from '../../obstacle.ts';

const absent = missing('wg', 'wg-quick');

/** What the tool prints, trimmed. */
async function ask(tool: string, argv: readonly string[], stdin = ''): Promise<string> {
  const { code, stdout, stderr } = await run({ tool, argv, stdin, timeoutMs: 10_000 });
  if (code !== 0) throw new Error(`${tool} ended with ${code}: ${stderr}`);
  return stdout.trim();
}

const PROFILES = path.join(import.meta.dirname, '../../unit/vpn/profiles');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'vgw-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describeUnless(absent, 'wg')('wg', () => {
  test('derives the same public keys', async () => {
    for (let round = 0; round < 20; round++) {
      const privateKey = await ask('wg', ['genkey']);
      expect(publicKeyOf(privateKey)).toBe(await ask('wg', ['pubkey'], privateKey));
    }
  });

  test('derives the same public key from one that is not clamped', async () => {
    const unclamped = Buffer.alloc(32, 0xff).toString('base64');
    expect(publicKeyOf(unclamped)).toBe(await ask('wg', ['pubkey'], unclamped));
  });

  test('makes keys and preshared keys that are accepted', async () => {
    const [privateKey, serverKey, presharedKey] = await Promise.all(
      ['genkey', 'genkey', 'genpsk'].map((verb) => ask('wg', [verb])),
    );
    const server = await ask('wg', ['pubkey'], serverKey);
    const profile = `[Interface]\nPrivateKey=${privateKey}\nAddress=10.0.0.2\nDNS=10.0.0.1\n[Peer]\nPublicKey=${server}\nPresharedKey=${presharedKey}\nAllowedIPs=0.0.0.0/0\nEndpoint=198.41.0.4:1\n`;
    const { notices, publicKey } = planWireGuard(profile, 'made.conf', { split: false, dns: [] });
    expect(notices).toEqual([]);
    expect(publicKey).toBe(await ask('wg', ['pubkey'], privateKey));
  });
});

/** Where wg(8) looks for userspace implementations of WireGuard; only root can put one there. */
const UAPI = '/var/run/wireguard';

describeUnless(absent ?? notRoot(), 'wg setconf')('wg setconf', () => {
  test.each(['full', 'odd-spelling', 'several-peers', 'split'])('%s.conf: reads what is revealed', async (name) => {
    const source = await readFile(path.join(PROFILES, `${name}.conf`));
    const { plan, secrets } = planWireGuard(source, name, { split: true, dns: [] });
    const file = path.join(folder, 'revealed.conf');
    await writeFile(file, secrets.reveal({ address: '198.41.0.4', port: 51_820 }, 51_999, 0x766d), { mode: 0o600 });
    const order = await orderGiven((ifname) => ask('wg', ['setconf', ifname, file]));
    const [own = [], exit = []] = sectionsOf(order);
    expect(own).toEqual(expect.arrayContaining(['listen_port=51999', 'fwmark=30317', 'replace_peers=true']));
    expect(exit).toContain(`public_key=${Buffer.from(plan.peerIdentity, 'base64').toString('hex')}`);
    expect(exit).toContain('endpoint=198.41.0.4:51820');
    expect(exit.filter((line) => line.startsWith('allowed_ip='))).toEqual(
      [...plan.routes, ...(plan.ipv6?.routes ?? [])].map((route) => `allowed_ip=${route}`),
    );
    expect(order.match(/endpoint=/g)).toHaveLength(1);
  });
});

/** Plays a userspace WireGuard that accepts everything, and returns the one configuration it was given. */
async function orderGiven(give: (ifname: string) => Promise<unknown>): Promise<string> {
  const ifname = `vgt${process.pid}`;
  const orders: string[] = [];
  const server = createServer((socket) => {
    let received = '';
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      received += chunk.toString();
      if (!received.endsWith('\n\n')) return;
      orders.push(received);
      socket.end('errno=0\n\n');
    });
  });
  await mkdir(UAPI, { recursive: true });
  await new Promise<void>((resolve) => server.listen(path.join(UAPI, `${ifname}.sock`), resolve));
  try {
    await give(ifname);
  } finally {
    server.close();
  }
  return orders.find((order) => order.startsWith('set=1')) ?? '';
}

/** The interface's lines, then those of each peer. */
function sectionsOf(order: string): readonly (readonly string[])[] {
  return order.split(/\n(?=public_key=)/).map((section) => section.split('\n'));
}

// wg-quick calls sudo, even to strip a file.
describeUnless(absent ?? notRoot(), 'wg-quick')('wg-quick', () => {
  test.each(['full', 'odd-spelling', 'several-peers', 'split'])('%s.conf: strips to the same peers', async (name) => {
    const file = path.join(folder, `${name.slice(0, 10)}.conf`);
    const source = await readFile(path.join(PROFILES, `${name}.conf`), 'utf8');
    // wg-quick tells sections by their exact spelling.
    await writeFile(file, source.replace('[ INTERFACE ]', '[Interface]'));
    const stripped = await ask('wg-quick', ['strip', file]);
    const { secrets } = planWireGuard(source, name, { split: true, dns: [] });
    const revealed = secrets.reveal({ address: '198.41.0.4', port: 51_820 }, 1, 1);
    for (const setting of ['PrivateKey', 'PublicKey', 'PresharedKey']) {
      expect(valuesOf(setting, revealed)).toEqual(valuesOf(setting, stripped));
    }
  });
});

function valuesOf(setting: string, text: string): readonly string[] {
  const pattern = new RegExp(`^\\s*${setting}\\s*=\\s*([^\\s#]+)`, 'gim');
  return [...text.matchAll(pattern)].map(([, value]) => value ?? '');
}
