/**
 * Who is not let in, with the reason said (P2, P7, P8), and what two commands at once do. Meanwhile another gate, on a
 * lab of its own, holds its lease for two minutes under traffic.
 *
 * @leakCase 47 none: a profile with a script is refused with the reason, the script is not run
 * @leakCase 63 user: a server name that leads to this machine is refused, nothing dials it
 * @leakCase 67 wire: an environment that weakens TLS or adds proxies is reported and changes nothing
 */
import { execFile } from 'node:child_process';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { type Stage, WORK_VM } from '../../../src/demo/index.ts';
import { run } from '../../../src/host/index.ts';
import { LAB, superviseInLab } from '../../../src/lab/index.ts';
import { LabPass } from '../../../src/lab/pass.ts';
import { makeAuthority } from '../../unit/verify/certificates.ts';
import {
  FAILED_REQUESTS,
  foreignFrames,
  gateProcesses,
  inside,
  NONE,
  outcomeOf,
  phasesSince,
  requests,
  statusOf,
  until,
  vmgate,
} from './life-scene.ts';
import { compileProgram, openStage, type Program } from './stage.ts';

jest.setTimeout(180_000);

const HELD_MS = 120_000;
/** Longer than the usual: this machine's other gate boots meanwhile. */
const PATIENCE_S = 4;

let program: Program;
let stage: Stage;
let holding: Stage;
let heldSince: number;

beforeAll(async () => {
  program = await compileProgram();
  [holding, stage] = await Promise.all([
    openStage(program, { attachment: 'user' }),
    openStage(program, { attachment: 'wire' }),
  ]);
  expect(await vmgate(holding, 'up')).toMatchObject({ code: 0 });
  expect(await vmgate(holding, 'start', WORK_VM)).toMatchObject({ code: 0 });
  await inside(holding, requests(PATIENCE_S));
  heldSince = performance.now();
}, 300_000);

afterAll(async () => {
  await stage?.close();
  await holding?.close();
  await program?.remove();
});

/** It weakens every client of Node's and OpenSSL's that listens to it. */
function hostileEnvironment(authority: string) {
  return {
    NODE_TLS_REJECT_UNAUTHORIZED: '0',
    NODE_EXTRA_CA_CERTS: authority,
    NODE_OPTIONS: '--use-openssl-ca',
    SSL_CERT_FILE: authority,
    HTTPS_PROXY: 'http://127.0.0.1:9',
    https_proxy: 'http://127.0.0.1:9',
  };
}

const configFile = () => path.join(stage.home.root, 'vmgate.yaml');

async function configure(vpn: string, expected: string): Promise<void> {
  const exit = `{url: "https://${LAB.siteName}/", expect: [${expected}]}`;
  const work = `{${WORK_VM}: {template: tiny}}`;
  await writeFile(configFile(), `version: 1\nvpn: ${vpn}\nverify: {exit: ${exit}}\nwork: ${work}\n`);
}

/** The one answer of a gate that is not proven: exit 4, why, and no process. */
async function expectNoStart(why: RegExp): Promise<void> {
  const { code, fault, stderr } = await vmgate(stage, 'start', WORK_VM);
  expect({ code, fault, stderr }).toEqual({ code: 4, fault: 'GATE_NOT_VERIFIED', stderr: expect.stringMatching(why) });
  expect(await stage.workRuns()).toBe(false);
}

async function goDown(): Promise<void> {
  expect(await vmgate(stage, 'down')).toMatchObject({ code: 0 });
  // The supervisor answers before it ends.
  await until('its processes are gone', async () => (await gateProcesses(stage)).length === 0, 5_000);
  const left = await stage.leftovers();
  expect(left.filter((file) => !file.startsWith(stage.lab.folder))).toEqual([]);
  expect(existsSync(stage.gate.socket)).toBe(false);
}

/** `up` and `start`, both refused for the same reason; then down. */
async function expectRefusal(code: string, why: RegExp): Promise<void> {
  expect(await vmgate(stage, 'up')).toMatchObject({ code: 4, fault: code });
  await expectNoStart(why);
  await goDown();
  expect(await foreignFrames(stage)).toEqual(NONE);
}

test('before up: no start', () => expectNoStart(/no tunnel is proven/));

test('up twice at once: one gateway; start twice at once: one work VM; after down: nothing, and no start', async () => {
  const ups = await Promise.all([vmgate(stage, 'up'), vmgate(stage, 'up')]);
  expect(ups).toMatchObject([{ code: 0 }, { code: 0 }]);
  const starts = await Promise.all([vmgate(stage, 'start', WORK_VM), vmgate(stage, 'start', WORK_VM)]);
  expect(starts).toMatchObject([{ code: 0 }, { code: 0 }]);
  const machines = (await gateProcesses(stage)).filter((args) => args.includes('-accel'));
  expect(machines).toHaveLength(2);
  await goDown();
  await expectNoStart(/is down/);
});

describe('refused with exit 4, no work VM, the reason named', () => {
  test('the tunnel is dead', async () => {
    await stage.supervise();
    await stage.lab.fault('tunnel-silent', true);
    await expectRefusal('GATE_TUNNEL_SILENT', /did not answer/);
    await stage.lab.fault('tunnel-silent', false);
  });

  test('whoever answers has another key than the server', async () => {
    await stage.supervise();
    await stage.lab.serverKey('wrong');
    await expectRefusal('GATE_TUNNEL_SILENT', /did not answer/);
    await stage.lab.serverKey('right');
  });

  test('traffic comes out elsewhere than expected', async () => {
    await configure('lab', '192.0.2.0/24');
    await stage.supervise();
    await expectRefusal('GATE_NOT_VERIFIED', new RegExp(`traffic comes out at ${LAB.exit}, which was not expected`));
    await configure('lab', LAB.exit);
  });

  test('case 67: the exit server cannot prove itself, whatever the environment says about it', async () => {
    const authority = path.join(stage.home.root, 'lab-ca.pem');
    await writeFile(authority, stage.lab.exitCa);
    const hostile = hostileEnvironment(authority);
    const trusting = LabPass.of({ ...stage.lab.pass().plan(), exitCa: makeAuthority('another lab').certificate });
    const before = { ...process.env };
    Object.assign(process.env, hostile);
    try {
      const entry = path.join(program.dist, 'lab', 'supervisor-main.js');
      await superviseInLab(stage.home, 'default', configFile(), trusting, entry);
    } finally {
      process.env = before;
    }
    const under = (...args: readonly string[]) =>
      run({
        tool: process.execPath,
        argv: [path.join(program.dist, 'main.js'), ...args],
        timeoutMs: 60_000,
        cwd: stage.gate.folder,
        env: { VMGATE_HOME: stage.home.root, ...hostile },
      });
    const up = outcomeOf(await under('up'));
    expect(up).toMatchObject({ code: 4, fault: 'GATE_NOT_VERIFIED' });
    expect(up.stderr).toMatch(/cannot prove to be it/);
    const { stdout } = await under('status');
    for (const name of Object.keys(hostile)) expect(up.stderr + stdout).toContain(name);
    await goDown();
  });
});

test('case 67, anti-test: a plain program believes a stranger under that environment, and only there', async () => {
  const server = https.createServer(issued(), (_request, response) => response.end('believed'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const ask = `require('node:https').get('https://127.0.0.1:${port}/', (answer) => answer.pipe(process.stdout))`;
  const under = async (env: NodeJS.ProcessEnv) => {
    const asked = await promisify(execFile)(process.execPath, ['-e', ask], { env }).catch(() => undefined);
    return asked?.stdout;
  };
  try {
    expect(await under(hostileEnvironment('/nowhere'))).toBe('believed');
    expect(await under({})).toBeUndefined();
  } finally {
    server.close();
  }
});

function issued() {
  const { certificate, key } = makeAuthority('stranger').issue('stranger.example');
  return { cert: certificate, key };
}

describe('what a profile may not say', () => {
  const profile = (more: string, endpoint: string) =>
    stage.lab.profile.replace('[Peer]', `${more}\n[Peer]`).replace(/^Endpoint = .*$/m, `Endpoint = ${endpoint}`);

  test('case 47: a script: refused, not run', async () => {
    const witness = path.join(stage.home.root, 'ran');
    const file = path.join(stage.home.root, 'script.conf');
    await writeFile(file, profile(`PostUp = touch ${witness}`, '198.51.100.10:51820'), { mode: 0o600 });
    const { code, stderr } = await vmgate(stage, 'vpn', 'add', 'script', file);
    expect(code).toBe(2);
    expect(stderr).toMatch(/PostUp/);
    expect(existsSync(witness)).toBe(false);
    expect((await stage.vmgate(['vpn', 'list'])).stdout).not.toContain('script');
  });

  test('case 47, anti-test: run as wg-quick runs it, that script leaves its witness', async () => {
    const witness = path.join(stage.home.root, 'ran');
    const [, line = ''] =
      /^PostUp = (.*)$/m.exec(await readFile(path.join(stage.home.root, 'script.conf'), 'utf8')) ?? [];
    await promisify(execFile)('sh', ['-c', line]);
    expect(existsSync(witness)).toBe(true);
  });

  describe('case 63: a server on this machine', () => {
    const listener = dgram.createSocket('udp4');
    let heard = 0;
    beforeAll(async () => {
      listener.on('message', () => {
        heard += 1;
      });
      listener.bind(0, '127.0.0.1');
      await once(listener, 'listening');
      const file = path.join(stage.home.root, 'inward.conf');
      await writeFile(file, profile('', `localhost:${listener.address().port}`), { mode: 0o600 });
      expect(await vmgate(stage, 'vpn', 'add', 'inward', file)).toMatchObject({ code: 0 });
      await configure('inward', LAB.exit);
    });
    afterAll(() => {
      listener.close();
    });

    test('refused, it hears nothing; up and down, twice and frozen', async () => {
      // From here on the supervisor is the one that users have: this gate's uplink is slirp, it needs no lab.
      const forbidden = { code: 4, fault: 'VPN_ENDPOINT_FORBIDDEN' };
      const ups = await Promise.all([vmgate(stage, 'up'), vmgate(stage, 'up')]);
      expect(ups).toMatchObject([forbidden, forbidden]);
      const first = (await statusOf(stage)).supervisor?.pid ?? 0;
      expect((await gateProcesses(stage)).filter((args) => /supervisor/.test(args))).toHaveLength(1);
      await expectNoStart(/localhost/);
      process.kill(first, 'SIGSTOP');
      expect(await vmgate(stage, 'up')).toMatchObject(forbidden);
      expect((await statusOf(stage)).supervisor?.pid).not.toBe(first);
      await goDown();
      const up = vmgate(stage, 'up');
      await until('a gateway boots', async () => (await statusOf(stage)).phase === 'booting');
      await goDown();
      expect(await up).toMatchObject({ code: 130, fault: 'GATE_CANCELLED' });
      expect(await gateProcesses(stage)).toEqual([]);
      expect(heard).toBe(0);
    });

    test('anti-test: whoever dials what the profile names is heard', async () => {
      const dialler = dgram.createSocket('udp4');
      dialler.send('a handshake', listener.address().port, 'localhost');
      await until('it hears', () => heard === 1);
      dialler.close();
    });
  });
});

test('a lease held for 120 s under traffic: no request failed, the gate never closed', async () => {
  await until('120 s have passed', () => performance.now() - heldSince >= HELD_MS, HELD_MS + 1_000);
  expect(Number(await inside(holding, FAILED_REQUESTS))).toBe(0);
  const answered = (await inside(holding, 'cat /tmp/good')).trim().split('\n').map(Number);
  const gaps = answered.slice(1).map((at, index) => at - (answered[index] ?? 0));
  expect((answered.at(-1) ?? 0) - (answered[0] ?? 0)).toBeGreaterThan(HELD_MS / 1_000 - PATIENCE_S);
  expect(Math.max(...gaps)).toBeLessThan(PATIENCE_S);
  expect(phasesSince(holding, 0).filter(({ phase }) => phase === 'open' || phase === 'closing')).toHaveLength(1);
  expect(await holding.lab.witnessed()).toMatchObject({ foreign: 0 });
});
