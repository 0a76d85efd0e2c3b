/** The real openconnect(8) on one side, src/vpn/openconnect on the other. Nothing but a closed port of this machine is connected to. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { planOpenConnect } from '../../../src/vpn/openconnect/plan.ts';
import { SESSIONS } from '../../../src/vpn/sessions.ts';
import { describeUnless, missing } from '../../obstacle.ts';
import { beside, NOW, names, read } from '../../unit/vpn/openconnect/samples.ts';

const PATIENCE_MS = 20_000;
jest.setTimeout(2 * PATIENCE_MS);
const LOGIN = { user: 'alice', password: 'open "sesame" =$(x)' };
/** Nobody listens there. */
const PINNED = { address: '127.0.0.1', port: 9 };

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'vgc-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What openconnect prints until it ends. */
function said(argv: readonly string[], input: string): Promise<string> {
  return new Promise((resolve) => {
    const child = spawn('openconnect', argv, { cwd: folder, stdio: ['pipe', 'pipe', 'pipe'] });
    let text = '';
    const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
    child.stdin.on('error', () => {}); // It may end without reading.
    child.stdin.end(input);
    child.on('close', () => {
      clearTimeout(timer);
      resolve(text);
    });
  });
}

function planned(name: string) {
  const login = name === 'files.oc' ? undefined : LOGIN;
  return planOpenConnect(read('good', name), name, { split: name === 'split.oc', dns: [], login }, beside, NOW);
}

/** The files that are revealed, in a folder of this machine's and for a port where nobody is. */
async function written(name: string): Promise<ReadonlyMap<string, string>> {
  const files = planned(name)
    .secrets.reveal(PINNED, 40_001, 1)
    .split(/^--- file /m)
    .flatMap((part): [string, string][] => {
      const [file = '', ...rest] = part.split('\n');
      return file === '' ? [] : [[file, rest.join('\n')]];
    });
  const here = files.map(([file, text]): [string, string] => [
    file,
    text
      .replaceAll('/run/vmgate/openconnect/client', folder)
      .replaceAll(/^(server=https:\/\/[^:]+):\d+/gm, `$1:${PINNED.port}`),
  ]);
  for (const [file, text] of here) await writeFile(path.join(folder, file), text, { mode: 0o600 });
  return new Map(here);
}

describeUnless(missing('openconnect'), 'openconnect')('openconnect', () => {
  test.each(names('good'))('%s: the configuration for the login is read, and tried', async (name) => {
    const files = await written(name);
    const text = await said(['--config', 'login.conf'], files.get('answers') ?? '');
    expect(text).not.toMatch(/Unrecognised|does not take an argument|requires an argument/);
    // As far as the network; the host's name was not looked up.
    expect(text).toMatch(/Failed to connect to (?:127\.0\.0\.1|198\.51\.100\.10|host):?9?/);
  });

  test.each(names('good'))('%s: the configuration for the session is read, and tried', async (name) => {
    const files = await written(name);
    const session = `${files.get('session.conf')}servercert=pin-sha256:${Buffer.alloc(32).toString('base64')}\n`;
    await writeFile(path.join(folder, 'session.conf'), session, { mode: 0o600 });
    const text = await said(['--config', 'session.conf'], 'SVPNCOOKIE=nothing\n');
    expect(text).not.toMatch(/Unrecognised|does not take an argument|requires an argument/);
    expect(text).toContain('Failed to connect to ');
  });

  test('its words for a server that is down are taken for no more than that', async () => {
    const files = await written('pin.oc');
    const text = await said(['--config', 'login.conf'], files.get('answers') ?? '');
    expect(SESSIONS.openconnect.failure(text, '127.0.0.1:9/tcp', planned('pin.oc').plan)).toBeUndefined();
  });

  test('anti-test: what it does not read, it says', async () => {
    await writeFile(path.join(folder, 'bad.conf'), 'server=https://127.0.0.1:9\nbogus=1\n');
    expect(await said(['--config', 'bad.conf'], '')).toContain('Unrecognised option at line 2');
  });

  test('a value keeps all that is behind its first separator', async () => {
    await writeFile(path.join(folder, 'group.conf'), 'server = https://127.0.0.1:9\nuser\talice = bob\nno-proxy\n');
    const text = await said(['--config', 'group.conf'], '');
    expect(text).not.toMatch(/Unrecognised/);
  });
});
