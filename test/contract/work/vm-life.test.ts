/** `vmgate vm` on real disks: what each command does, what it leaves alone, and what a kill or a full disk leaves. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { acquireLock } from '../../../src/home/index.ts';
import { BASE_BYTES, fill, qemuImg, randomRaw, VmDesk } from './vm-desk.ts';

const REPOSITORY = path.join(import.meta.dirname, '../../..');
const MIB = 1_048_576;

let desk: VmDesk;
let original = '';
beforeEach(async () => {
  desk = await new VmDesk().open();
  original = desk.digest();
});
afterEach(() => desk.clear());

const untouched = () => expect(desk.digest()).toBe(original);

describe('ls', () => {
  test('before and after a run, with what vmgate.yaml no longer names', async () => {
    expect((await desk.vm('ls', '--json')).json()).toMatchObject([
      {
        gate: 'default',
        vms: [
          {
            name: 'win',
            state: 'stopped',
            boots: 'disk',
            disk: desk.base,
            bytes: 0,
            virtualBytes: null,
            snapshots: [],
          },
          { name: 'web', state: 'stopped', boots: 'tiny', disk: null },
        ],
      },
    ]);
    desk.ran();
    mkdirSync(path.join(desk.vmFolder, '../old'));
    const { stdout } = await desk.vm('ls');
    expect(stdout).toMatch(/^win +stopped +disk +1\.\d MB of 17 MB/m);
    expect(stdout).toMatch(/^old +stopped +nothing: not in vmgate\.yaml/m);
  });

  test('cleans what a crash left of a disposable start, and drafts', async () => {
    desk.ran();
    for (const name of ['disposable.qcow2', 'overlay.qcow2.new', 'overlay.json.0011aabb.draft'])
      writeFileSync(path.join(desk.vmFolder, name), 'x');
    await desk.vm('ls');
    expect(readdirSync(desk.vmFolder).sort()).toEqual(['lock', 'overlay.qcow2']);
  });
});

test('reset drops what was written, only when told to', async () => {
  desk.ran();
  const asked = await desk.vm('reset', 'win');
  expect(asked).toMatchObject({ exit: 2, stderr: expect.stringContaining('vmgate vm reset win --yes') });
  expect(desk.reads()).toBe(0x22);
  expect((await desk.vm('reset', 'win', '--yes', '--json')).json()).toEqual([
    { name: 'win', reset: true, already: false },
  ]);
  expect(existsSync(desk.overlay)).toBe(false);
  untouched();
  expect((await desk.vm('reset', 'win', '--yes', '--json')).json()).toMatchObject([{ already: true }]);
});

describe('rebuild', () => {
  test('nothing where the disk is the same, however often it was touched', async () => {
    await desk.vm('resize', 'win', '32MiB');
    fill(desk.overlay, 0x22);
    expect((await desk.vm('rebuild', 'win', '--json')).json()).toMatchObject([{ rebuilt: false, outcome: 'same' }]);
    utimesSync(desk.base, 1, 1);
    expect((await desk.vm('snapshot', 'make', 'win', 'x')).stderr).toContain('WORK_DISK_BASE_CHANGED');
    const again = (await desk.vm('rebuild', 'win', '--json')).json();
    expect(again).toMatchObject([{ rebuilt: false, outcome: 'same', madeFrom: original, today: original }]);
    expect(desk.reads()).toBe(0x22);
    expect((await desk.vm('snapshot', 'make', 'win', 'x')).exit).toBe(0);
  });

  test('anew from another disk', async () => {
    await desk.vm('resize', 'win', '32MiB');
    await desk.vm('rebuild', 'win');
    fill(desk.overlay, 0x22);
    fill(desk.base, 0x33);
    const today = desk.digest();
    const refused = await desk.vm('rebuild', 'win');
    expect(refused).toMatchObject({ exit: 2, stderr: expect.stringContaining('vmgate vm rebuild win --yes') });
    expect((await desk.vm('rebuild', 'win', '--yes', '--json')).json()).toEqual([
      { name: 'win', rebuilt: true, outcome: 'changed', madeFrom: original, today },
    ]);
    expect(desk.reads()).toBe(0x33);
    expect(desk.digest()).toBe(today);
    expect((await desk.vm('ls')).stdout).toContain(today.slice(0, 19));
  });
});

describe('snapshot', () => {
  test('make, list, restore, delete', async () => {
    desk.ran(0x22);
    expect((await desk.vm('snapshot', 'make', 'win', 'clean')).exit).toBe(0);
    desk.ran(0x44);
    expect((await desk.vm('snapshot', 'list', 'win', '--json')).json()).toMatchObject([
      { name: 'win', snapshots: [{ name: 'clean', bytes: expect.any(Number), takenAt: expect.any(String) }] },
    ]);
    expect((await desk.vm('snapshot', 'restore', 'win', 'clean')).exit).toBe(2);
    expect(desk.reads()).toBe(0x44);
    expect((await desk.vm('snapshot', 'restore', 'win', 'clean', '--yes')).exit).toBe(0);
    expect(desk.reads()).toBe(0x22);
    expect((await desk.vm('snapshot', 'delete', 'win', 'clean', '--yes')).exit).toBe(0);
    expect((await desk.vm('snapshot', 'list', 'win', '--json')).json()).toMatchObject([{ snapshots: [] }]);
    untouched();
  });

  test.each([
    ['make', 'clean', 'WORK_SNAPSHOT_TAKEN', 2],
    ['make', '../../x', 'WORK_SNAPSHOT_NAME', 2],
    ['restore', 'claen', 'WORK_SNAPSHOT_UNKNOWN', 2],
    ['delete', 'claen', 'WORK_SNAPSHOT_UNKNOWN', 2],
  ])('%s %s: %s', async (action, snapshot, code, exit) => {
    desk.ran();
    await desk.vm('snapshot', 'make', 'win', 'clean');
    const said = await desk.vm('snapshot', action, 'win', snapshot, '--yes');
    expect(said).toMatchObject({ exit, stderr: expect.stringContaining(code) });
  });

  test('of another base is not put over this one', async () => {
    desk.ran();
    await desk.vm('snapshot', 'make', 'win', 'clean');
    fill(desk.base, 0x55);
    await desk.vm('rebuild', 'win', '--yes');
    const said = await desk.vm('snapshot', 'restore', 'win', 'clean', '--yes');
    expect(said).toMatchObject({ exit: 4, stderr: expect.stringContaining('WORK_SNAPSHOT_OTHER_BASE') });
  });
});

test('clone: another VM with the same content, and its own from then on', async () => {
  desk.ran();
  expect((await desk.vm('clone', 'win', 'win-test')).exit).toBe(0);
  expect(desk.read('vmgate.yaml')).toContain('# The one for accounting.');
  expect((await desk.vm('ls', '--json')).json()).toMatchObject([
    { vms: [{ name: 'win' }, { name: 'web' }, { name: 'win-test', disk: desk.base }] },
  ]);
  const copy = path.join(desk.vmFolder, '../win-test/overlay.qcow2');
  expect(desk.reads(copy)).toBe(0x22);
  fill(copy, 0x66);
  expect(desk.reads()).toBe(0x22);
  expect((await desk.vm('clone', 'win', 'web')).stderr).toContain('WORK_VM_NAME_TAKEN');
  expect((await desk.vm('clone', 'win', 'Up')).exit).toBe(2);
  untouched();
});

test('resize: larger, never smaller', async () => {
  desk.ran();
  expect((await desk.vm('resize', 'win', '64MiB', '--json')).json()).toEqual([
    { name: 'win', bytes: 64 * MIB, already: false },
  ]);
  expect(JSON.parse(qemuImg('info', '--output=json', desk.overlay))).toMatchObject({ 'virtual-size': 64 * MIB });
  expect(desk.reads()).toBe(0x22);
  expect((await desk.vm('resize', 'win', '64MiB', '--json')).json()).toMatchObject([{ already: true }]);
  expect((await desk.vm('resize', 'win', '32MiB')).stderr).toContain('WORK_VM_SHRINK');
  expect((await desk.vm('resize', 'win', '32')).exit).toBe(2);
  untouched();
});

test('rm: out of vmgate.yaml, its folder gone, its disk there', async () => {
  desk.ran();
  expect((await desk.vm('rm', 'win')).exit).toBe(2);
  expect((await desk.vm('rm', 'win', '--yes')).exit).toBe(0);
  expect(existsSync(desk.vmFolder)).toBe(false);
  expect(desk.read('vmgate.yaml')).not.toContain('win');
  expect(desk.read('vmgate.yaml')).toMatch(/# The one for accounting\.\n {2}web: \{ ?template: tiny ?\}/);
  expect((await desk.type('trust', '--json')).json()).toMatchObject([{ already: true }]);
  untouched();
});

describe('refused', () => {
  const COMMANDS = [
    ['reset', 'win', '--yes'],
    ['rebuild', 'win', '--yes'],
    ['snapshot', 'make', 'win', 'x'],
    ['snapshot', 'restore', 'win', 'clean', '--yes'],
    ['snapshot', 'delete', 'win', 'clean', '--yes'],
    ['clone', 'win', 'other'],
    ['resize', 'win', '64MiB'],
    ['rm', 'win', '--yes'],
  ] as const;

  test('all of it, while the VM runs: who holds it, and what ends it', async () => {
    desk.ran();
    await desk.vm('snapshot', 'make', 'win', 'clean');
    const pidfile = path.join(desk.vmFolder, 'qemu.pid');
    const argv = ['-S', '-machine', 'none', '-nodefaults', '-display', 'none', '-pidfile', pidfile];
    const qemu = spawn('qemu-system-x86_64', argv, { stdio: 'ignore' });
    try {
      while (!existsSync(pidfile)) await sleep(20);
      for (const command of COMMANDS) {
        const { exit, stderr } = await desk.vm(...command);
        expect({ command, exit, stderr }).toMatchObject({
          exit: 4,
          stderr: expect.stringContaining('WORK_VM_RUNNING'),
        });
        expect(stderr).toContain(`process ${qemu.pid} `);
        expect(stderr).toContain('vmgate stop win');
      }
      expect((await desk.vm('ls', '--json')).json()).toMatchObject([
        { vms: [{ state: 'running', pid: qemu.pid }, {}] },
      ]);
    } finally {
      qemu.kill('SIGKILL');
      await once(qemu, 'exit');
    }
    expect(desk.reads()).toBe(0x22);
  });

  test('while another process changes it', async () => {
    desk.ran();
    const lock = await acquireLock(path.join(desk.vmFolder, 'lock'));
    for (const command of COMMANDS) expect((await desk.vm(...command)).stderr).toContain('WORK_VM_BUSY');
    lock.release();
  });

  test.each(COMMANDS.filter(([verb]) => verb !== 'rm'))('%s, of a VM without a disk', async (...command) => {
    const said = await desk.vm(...command.map((word) => (word === 'win' ? 'web' : word)));
    expect(said).toMatchObject({ exit: 2, stderr: expect.stringContaining('WORK_VM_NO_DISK') });
  });

  test('in a folder that nobody confirmed', async () => {
    desk.write('vmgate.yaml', `${desk.read('vmgate.yaml')}# changed\n`);
    for (const command of COMMANDS) expect((await desk.vm(...command)).stderr).toContain('TRUST_PROJECT_UNCONFIRMED');
  });
});

/** Names of what is not whole, anywhere among the work VMs. */
function halves(): readonly string[] {
  const names = readdirSync(path.dirname(desk.vmFolder), { recursive: true, encoding: 'utf8' });
  return names.filter((name) => /\.(new|gone|draft)$/.test(name));
}

/** The commands themselves, in a process of their own. */
function typed(...argv: readonly string[]): ChildProcess {
  return spawn(process.execPath, [path.join(REPOSITORY, 'dist/main.js'), 'vm', ...argv], {
    cwd: desk.project,
    env: { ...process.env, VMGATE_HOME: desk.home, NODE_OPTIONS: '' },
    stdio: 'ignore',
  });
}

describe('killed at any moment', () => {
  const SIZE = 64 * MIB;
  /** A whole overlay that reads one of two bytes, and a folder that the next command can work with. */
  const CASES = [
    { what: 'reset', argv: ['reset', 'win', '--yes'], next: 0x11 },
    { what: 'snapshot make', argv: ['snapshot', 'make', 'win', 'more'], next: 0x22 },
    { what: 'snapshot restore', argv: ['snapshot', 'restore', 'win', 'clean', '--yes'], next: 0x77 },
    { what: 'resize', argv: ['resize', 'win', '512MiB'], next: 0x22 },
    { what: 'clone', argv: ['clone', 'win', 'twin'], next: 0x22 },
    { what: 'rm', argv: ['rm', 'win', '--yes'], next: -1 },
  ];

  test.each(CASES)(
    '$what: the old state or the new one',
    async ({ argv, next }) => {
      qemuImg('resize', '-q', desk.base, String(SIZE));
      desk.ran(0x77);
      await desk.vm('snapshot', 'make', 'win', 'clean');
      fill(desk.overlay, 0x22, '60M');
      original = desk.digest();
      let deaths = 0;
      for (const delay of [110, 170, 260]) {
        const child = typed(...argv);
        const ended = once(child, 'exit');
        await sleep(delay);
        deaths += child.kill('SIGKILL') ? 1 : 0;
        await ended;
        untouched();
        const { exit, stderr } = await desk.vm('ls');
        expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
        if (!existsSync(desk.overlay)) expect([0x11, -1]).toContain(next);
        else {
          qemuImg('check', '-q', desk.overlay);
          expect([0x22, next]).toContain(desk.reads());
        }
        expect(halves()).toEqual([]);
        if (next === -1 && !existsSync(desk.overlay)) break;
        if (!existsSync(desk.overlay) || desk.reads() !== 0x22) {
          desk.ran(0x22);
        }
      }
      expect(deaths).toBeGreaterThan(0);
    },
    60_000,
  );
});

const isRoot = process.getuid?.() === 0;
(isRoot && process.platform === 'linux' ? describe : describe.skip)('on a full disk', () => {
  let small = '';
  beforeEach(() => {
    small = path.join(desk.folder, 'small');
    mkdirSync(small);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=40m', 'tmpfs', small]);
    rmSync(desk.vmFolder, { recursive: true, force: true });
    mkdirSync(path.dirname(desk.vmFolder), { recursive: true });
    mkdirSync(path.join(small, 'win'));
    symlinkSync(path.join(small, 'win'), desk.vmFolder);
  });
  afterEach(() => {
    execFileSync('umount', [small]);
  });

  test('what would not fit is refused before a byte is written', async () => {
    desk.ran();
    fill(desk.overlay, 0x22, String(BASE_BYTES));
    for (const command of [
      ['snapshot', 'make', 'win', 'x'],
      ['resize', 'win', '64MiB'],
    ]) {
      const said = await desk.vm(...command);
      expect(said).toMatchObject({ exit: 3, stderr: expect.stringContaining('WORK_VM_NO_SPACE') });
      expect(said.stderr).toContain('df -h');
    }
    expect(readdirSync(desk.vmFolder).sort()).toEqual(
      ['lock', 'overlay.json', 'overlay.qcow2', 'snapshots'].filter((n) => existsSync(path.join(desk.vmFolder, n))),
    );
    expect(desk.reads()).toBe(0x22);
  });

  test('the last megabytes taken meanwhile: nothing half-written stays', async () => {
    desk.ran();
    randomRaw(path.join(small, 'filler'), 39 * MIB - 1_500_000);
    execFileSync('sh', ['-c', `cat /dev/zero > '${path.join(small, 'rest')}' 2>/dev/null || true`]);
    const said = await desk.vm('rebuild', 'win', '--yes');
    expect(said.exit).not.toBe(0);
    expect(desk.reads()).toBe(0x22);
    expect(readdirSync(desk.vmFolder).filter((name) => name.endsWith('.new'))).toEqual([]);
  });
});
