/**
 * The screen of a work VM, by the real command line: seen, typed into, closed to everybody else, and gone with the VM. What
 * `vmgate view` opens on a desktop is tried with a real one and a real viewer, where they are installed.
 *
 * @leakCase 50 wire: a work VM's screen is a socket of its owner's, another user cannot open it, and no port leads to it
 *   without the password of that run
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { expect, jest, test } from '@jest/globals';
import { type Stage, WORK_VM } from '../../../src/demo/index.ts';
import { missing, notRoot, testUnless } from '../../obstacle.ts';
import { foreignFrames, inside, NONE, statusOf, until, vmgate } from '../../system/leaks/life-scene.ts';
import { type Program, stageForAll } from '../../system/leaks/stage.ts';
import { readPicture } from './picture.ts';
import { knock } from './rfb.ts';

jest.setTimeout(240_000);

const OTHER = 'other';
const BLIND = 'blind';
/** Of keys, X11's names: what an ASCII character is, and Return. */
const RETURN = 0xff0d;

let stage: Stage;
let program: Program;
stageForAll(
  () => ({
    attachment: 'wire',
    config: `version: 1
vpn: lab
work:
  ${WORK_VM}: {template: tiny, display: vnc}
  ${OTHER}: {template: tiny, display: vnc}
  ${BLIND}: {template: tiny}
`,
  }),
  (opened, built) => {
    stage = opened;
    program = built;
  },
);

const socketOf = (name: string) => path.join(stage.gate.work(name), 'screen.sock');
const pictureOf = async (name: string) => {
  const file = path.join(stage.gate.folder, `${name}.png`);
  expect(await vmgate(stage, 'view', name, '--screenshot', file)).toMatchObject({ code: 0, stderr: '' });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  return readPicture(readFileSync(file));
};
const isLit = (red: number, green: number, blue: number) => red + green + blue > 300;

test('what the guest draws is in the picture, and what it does not draw is not', async () => {
  expect(await vmgate(stage, 'up')).toMatchObject({ code: 0 });
  expect(await vmgate(stage, 'start', WORK_VM)).toMatchObject({ code: 0 });
  await inside(stage, 'printf "\\033[2J\\033[H" > /dev/tty1');
  const empty = await pictureOf(WORK_VM);
  expect([empty.width, empty.height]).toEqual([720, 400]);
  // A line of full blocks in reverse, at the top; the cursor is a few pixels.
  await inside(stage, 'printf "\\033[2J\\033[H\\033[7m%80s\\033[0m\\n" "" > /dev/tty1');
  const drawn = await pictureOf(WORK_VM);
  expect(empty.count(isLit)).toBeLessThan(100);
  expect(drawn.count(isLit)).toBeGreaterThan(720 * 15);
  expect(isLit(...drawn.at(360, 8))).toBe(true);
  expect(isLit(...drawn.at(360, 300))).toBe(false);
});

test('status and vm ls say that there is a screen', async () => {
  const { work } = await statusOf(stage);
  expect(work.map(({ name, display }) => [name, display])).toEqual([
    [WORK_VM, 'vnc'],
    [OTHER, 'vnc'],
    [BLIND, 'none'],
  ]);
  const listed = JSON.parse((await stage.vmgate(['vm', 'ls', '--json'])).stdout) as { vms: { display: string }[] };
  expect(listed.vms.map(({ display }) => display)).toEqual(['vnc', 'vnc', 'none']);
});

test('its socket speaks RFB, and keys reach the guest', async () => {
  expect(statSync(socketOf(WORK_VM)).mode & 0o777).toBe(0o600);
  expect(statSync(stage.gate.work(WORK_VM)).mode & 0o777).toBe(0o700);
  const seen = await knock({ path: socketOf(WORK_VM) });
  expect(seen).toMatchObject({ outcome: 'in', greeting: 'RFB 003.008\n', securityTypes: [1] });
  if (seen.outcome !== 'in') throw new Error('not let in');
  const { screen } = seen;
  expect(screen).toMatchObject({ width: 720, height: 400, name: `QEMU (vmgate-${WORK_VM})` });
  const heard = inside(stage, 'timeout 60 head -n 1 /dev/tty1');
  const typing = setInterval(() => screen.type([...Buffer.from('vmgate'), RETURN]), 2_000);
  await expect(heard).resolves.toContain('vmgate');
  clearInterval(typing);
  screen.close();
});

testUnless(notRoot(), 'a second user needs root')('another user cannot open the socket: case 50', async () => {
  expect(await errnoAs(65_534)).toBe('EACCES');
});

testUnless(notRoot(), 'a second user needs root')('anti-test, case 50: its owner can', async () => {
  expect(await errnoAs(0)).toBe('connected');
});

async function errnoAs(uid: number): Promise<string> {
  const script =
    "const s = require('node:net').connect(process.argv[1]); s.on('connect', () => { console.log('connected'); s.destroy(); }); s.on('error', (e) => console.log(e.code));";
  const child = spawn(process.execPath, ['-e', script, socketOf(WORK_VM)], { uid, cwd: '/', env: {} });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  await once(child, 'close');
  return said.trim();
}

/** A `vmgate view` that runs on. */
function viewing(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, [path.join(program.dist, 'main.js'), 'view', ...args], {
    cwd: stage.gate.folder,
    env: { ...process.env, DISPLAY: '', WAYLAND_DISPLAY: '', VMGATE_HOME: stage.home.root, ...env },
  });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  const ended = once(child, 'close').then(([code]) => code as number | null);
  return { child, ended, out: () => out, err: () => err };
}

test('a port of the loopback is there while it is asked for, and wants the password of that run: case 50', async () => {
  const view = viewing([WORK_VM, '--print', '--json']);
  await until('it listens', () => view.out().includes('\n'));
  const { port, password } = JSON.parse(view.out().split('\n')[0] ?? '') as { port: number; password: string };
  const where = { host: '127.0.0.1', port };
  await expect(knock(where, 'wrongone')).resolves.toMatchObject({
    outcome: 'refused',
    why: 'wrong password',
    securityTypes: [2],
  });
  const seen = await knock(where, password);
  expect(seen).toMatchObject({ outcome: 'in', screen: { name: `QEMU (vmgate-${WORK_VM})` } });
  if (seen.outcome === 'in') seen.screen.close();
  view.child.kill('SIGINT');
  await expect(view.ended).resolves.toBe(130);
  await expect(knock(where, password)).rejects.toThrow('ECONNREFUSED');
});

test('several have screens of their own, and one without is said to have none', async () => {
  expect(await vmgate(stage, 'start', OTHER)).toMatchObject({ code: 0 });
  expect(await vmgate(stage, 'view', OTHER)).toMatchObject({ code: 3, fault: 'VIEW_NO_DESKTOP' });
  const seen = await knock({ path: socketOf(OTHER) });
  expect(seen).toMatchObject({ outcome: 'in', screen: { name: `QEMU (vmgate-${OTHER})` } });
  if (seen.outcome === 'in') seen.screen.close();
  expect(await vmgate(stage, 'start', BLIND)).toMatchObject({ code: 0 });
  expect(await vmgate(stage, 'view', BLIND)).toMatchObject({ code: 2, fault: 'GATE_NO_SCREEN' });
  expect(await vmgate(stage, 'view', BLIND, '--screenshot', 'x.png')).toMatchObject({
    code: 2,
    fault: 'GATE_NO_SCREEN',
  });
  expect(existsSync(socketOf(BLIND))).toBe(false);
  expect(await vmgate(stage, 'stop', BLIND)).toMatchObject({ code: 0 });
  expect(await vmgate(stage, 'view', 'nobody')).toMatchObject({ code: 2, fault: 'GATE_UNKNOWN_VM' });
});

const DESKTOP = ':97';
testUnless(missing('Xvfb', 'xwininfo', 'xtigervncviewer'), 'vmgate view on a desktop')(
  'a real viewer shows it on a real desktop, and ends with the VM',
  async () => {
    const desktop = spawn('Xvfb', [DESKTOP, '-screen', '0', '1024x768x24', '-nolisten', 'tcp'], { stdio: 'ignore' });
    try {
      await until('the desktop is there', () => existsSync('/tmp/.X11-unix/X97'));
      const view = viewing([OTHER, '--json'], { DISPLAY: DESKTOP });
      await until('its window is there', async () => (await windows()).includes(`QEMU (vmgate-${OTHER}) - TigerVNC`));
      // The one who looks has no part in it.
      expect(await vmgate(stage, 'stop', OTHER)).toMatchObject({ code: 0 });
      await expect(view.ended).resolves.toBe(0);
      expect(view.out()).toContain('"how":');
      expect(await windows()).not.toContain('TigerVNC');
    } finally {
      desktop.kill();
    }
  },
);

async function windows(): Promise<string> {
  const child = spawn('xwininfo', ['-display', DESKTOP, '-root', '-tree']);
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  await once(child, 'close');
  return said;
}

test('a gate that closes leaves the screen where it is; a VM that stops takes it along', async () => {
  await stage.lab.server('down');
  await until('the gate is closed', async () => (await statusOf(stage)).phase !== 'open');
  expect((await pictureOf(WORK_VM)).width).toBe(720);
  await stage.lab.server('up');
  await until('the gate is open again', async () => (await statusOf(stage)).phase === 'open');
  expect(await vmgate(stage, 'stop', WORK_VM)).toMatchObject({ code: 0 });
  expect(existsSync(socketOf(WORK_VM))).toBe(false);
  expect(await vmgate(stage, 'view', WORK_VM)).toMatchObject({ code: 4, fault: 'GATE_WORK_NOT_RUNNING' });
  expect(await vmgate(stage, 'view', WORK_VM, '--screenshot', 'x.png')).toMatchObject({
    code: 4,
    fault: 'GATE_WORK_NOT_RUNNING',
  });
  expect(await foreignFrames(stage)).toEqual(NONE);
});
