/** The real openvpn(8) on one side, src/vpn/openvpn on the other. Nothing is connected to. */
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { planOpenVpn } from '../../../src/vpn/openvpn/plan.ts';
import { describeUnless, missing } from '../../obstacle.ts';

const SAMPLES = path.join(import.meta.dirname, '../../unit/vpn/openvpn');
/** Of the certificates there. */
const NOW = Date.parse('2027-06-01T00:00:00Z');
/** Printed once every option was read and they fit together. */
const READ = /library versions/;
const PATIENCE_MS = 20_000;
jest.setTimeout(2 * PATIENCE_MS);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'vgo-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What openvpn prints until it has printed `enough`, or ends, or took too long. */
function said(argv: readonly string[], enough: RegExp, cwd = folder): Promise<string> {
  return new Promise((resolve) => {
    const child = spawn('openvpn', argv, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
    const hear = (chunk: Buffer) => {
      text += chunk.toString();
      if (enough.test(text)) child.kill('SIGKILL');
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.on('close', () => {
      clearTimeout(timer);
      resolve(text);
    });
  });
}

async function plannable(name: string) {
  const text = await readFile(path.join(SAMPLES, 'good', name), 'utf8');
  const answerable = text.replace(/^static-challenge.*\n/m, '');
  const certificates = await readdir(path.join(SAMPLES, 'certs'));
  const texts = new Map(
    await Promise.all(
      certificates.map(async (each) => [each, await readFile(path.join(SAMPLES, 'certs', each), 'utf8')] as const),
    ),
  );
  const login = { user: 'alice', password: 'sesame' };
  return planOpenVpn(answerable, name, { split: false, dns: [], login }, (each) => texts.get(each), NOW);
}

describeUnless(missing('openvpn'), 'openvpn')('openvpn', () => {
  test.each(['connections', 'files', 'fingerprint', 'inline', 'login'])('%s.ovpn: reads it too', async (name) => {
    const file = path.join(SAMPLES, 'good', `${name}.ovpn`);
    const text = await said(['--config', file, '--dev', 'null'], READ, path.join(SAMPLES, 'certs'));
    expect(text).not.toContain('Options error');
    expect(text).toMatch(READ);
  });

  test('anti-test: what it does not read, it says', async () => {
    await writeFile(path.join(folder, 'bad.ovpn'), 'client\ndev tun\nremote 127.0.0.1\nbogus 1\n');
    const text = await said(['--config', 'bad.ovpn'], READ);
    expect(text).toContain('Options error');
    expect(text).not.toMatch(READ);
  });

  test.each(['files', 'fingerprint', 'inline'])(
    '%s.ovpn: what is revealed gets as far as the network',
    async (name) => {
      const file = await written(name);
      // Nobody there answers; keys and certificates were read by then.
      const text = await said(['--config', file, '--dev', 'null'], /link remote/);
      expect(text).not.toContain('Options error');
      expect(text).toContain('UDPv4 link remote: [AF_INET]127.0.0.1:9');
    },
  );

  test('by TCP too: one attempt, and it says why it ends', async () => {
    const file = await written('files', 'tcp');
    const text = await said(['--config', file, '--dev', 'null'], /exiting/);
    expect(text).not.toContain('Options error');
    expect(text).toContain('Attempting to establish TCP connection with [AF_INET]127.0.0.1:9');
    expect(text).toMatch(/connect to \[AF_INET\]127\.0\.0\.1:9 failed: Connection refused/);
    expect(text).toMatch(/SIGTERM.* received, process exiting/);
  });

  test.each(['connections', 'login'])('%s.ovpn: what is revealed is read', async (name) => {
    const text = await said(['--config', await written(name), '--dev', 'null'], READ);
    expect(text).not.toContain('Options error');
    expect(text).toMatch(READ);
  });

  async function written(name: string, protocol: 'udp' | 'tcp' = 'udp'): Promise<string> {
    const { secrets } = await plannable(`${name}.ovpn`);
    const [config = ''] = secrets.reveal({ address: '127.0.0.1', port: 9, protocol }, 0, 0).split('--- login\n');
    // The mark is root's to set, the port anybody's: both are the gateway's matter.
    const ours = config.replace(/^mark .*\n/m, '').replace('bind\nlport 0\n', 'nobind\n');
    const file = path.join(folder, `${name}.conf`);
    await writeFile(file, ours, { mode: 0o600 });
    return file;
  }
});
