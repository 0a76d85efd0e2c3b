/**
 * Pulls that are killed, pull beside one another, or run out of disk: real processes, a real registry, a real full file
 * system. Afterwards there is either all of it or nothing, and the next pull goes on.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { packageFile } from '../../../src/host/index.ts';
import { describeUnless, missing, notRoot } from '../../obstacle.ts';
import { Laptop } from '../../unit/cli/command-line.ts';
import { type DockerRegistry, startDockerRegistry } from './docker-registry.ts';
import { HeldRegistry } from './held-registry.ts';

jest.setTimeout(180_000);

const MIB = 1_048_576;
/** Two pieces. */
const CONTENT = Buffer.concat([Buffer.from('QFI\xfb', 'latin1'), randomBytes(40 * MIB)]);
const DIGEST = createHash('sha256').update(CONTENT).digest('hex');

describeUnless(missing('docker-registry', 'ssh-keygen'), 'docker-registry')('a pull', () => {
  let behind: DockerRegistry;
  let registry: HeldRegistry;
  let member: Laptop;
  let reference: string;
  let signer: string;
  const children: ChildProcess[] = [];
  beforeAll(async () => {
    behind = await startDockerRegistry();
    registry = await HeldRegistry.start(behind.host);
    const lead = new Laptop();
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path.join(lead.project, 'key')]);
    writeFileSync(path.join(lead.project, 'desktop.qcow2'), CONTENT);
    const push = ['image', 'push', `${registry.host}/team/desktop:7`, './desktop.qcow2', '--sign', 'key', '--json'];
    const pushed = (await lead.type(...push)).json().at(-1) as { reference: string; signer: string };
    [reference, signer] = [pushed.reference, pushed.signer];
    lead.clear();
  });
  afterAll(async () => {
    registry.stop();
    await behind.stop();
  });
  beforeEach(() => {
    member = new Laptop();
    registry.letThrough();
    registry.asked.length = 0;
  });
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    member.clear();
  });

  interface Ended {
    readonly code: number | null;
    readonly said: string;
  }
  const pulling = (laptop = member, home = laptop.home) => {
    const child = spawn(
      process.execPath,
      [packageFile('dist/main.js'), 'image', 'pull', reference, '--signer', signer],
      {
        cwd: laptop.project,
        env: { PATH: process.env['PATH'], HOME: laptop.folder, VMGATE_HOME: home },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    children.push(child);
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const ended = new Promise<Ended>((resolve) => child.once('close', (code) => resolve({ code, said })));
    return { child, ended };
  };
  const images = (home = member.home) => path.join(home, 'images');
  const disk = (home = member.home) => path.join(images(home), 'disks', `${DIGEST}.qcow2`);
  const isWhole = (home = member.home) => readFileSync(disk(home)).equals(CONTENT);
  const leftovers = (home = member.home) => [
    ...readdirSync(images(home)).filter((name) => /^(pulled|draft)-/.test(name)),
    ...drafts(home),
    ...readdirSync(path.join(images(home), 'pieces/blobs/sha256')).filter((name) => !/^[0-9a-f]{64}$/.test(name)),
  ];

  const drafts = (home = member.home) =>
    readdirSync(path.join(images(home), 'pieces/partial')).filter((name) => name !== 'lock');
  /** What passed the registry may be on its way for a while, and is not here before it was given to the kernel. */
  const hasArrived = () => drafts().some((name) => statSync(path.join(images(), 'pieces/partial', name)).size > 0);

  describe('killed by kill -9', () => {
    test.each([
      ['in its first bytes', 200_000],
      ['in the middle of a piece', 20 * MIB],
      ['in the last piece', 38 * MIB],
    ])('%s: nothing counts as taken, the next one goes on where it broke off', async (_, bytes) => {
      const held = registry.holdAfter(bytes);
      const { child, ended } = pulling();
      await held;
      if (bytes > 2 * MIB) await until(hasArrived);
      child.kill('SIGKILL');
      await ended;
      expect(existsSync(disk())).toBe(false);
      expect(existsSync(path.join(member.project, 'vmgate.lock'))).toBe(false);
      expect(existsSync(path.join(member.project, 'vmgate.trust'))).toBe(false);

      registry.letThrough();
      registry.asked.length = 0;
      expect(await pulling().ended).toMatchObject({ code: 0 });
      expect(isWhole()).toBe(true);
      expect(leftovers()).toEqual([]);
      // What had come and was given to the kernel was not asked for again.
      if (bytes > 2 * MIB) expect(registry.asked.some((range) => /^bytes=[1-9]/.test(range ?? ''))).toBe(true);
    });
  });

  test('ended by Ctrl-C: 130, nothing counts as taken, the next one goes on where it broke off', async () => {
    const held = registry.holdAfter(20 * MIB);
    const { child, ended } = pulling();
    await held;
    await until(hasArrived);
    child.kill('SIGINT');
    expect(await ended).toMatchObject({ code: 130, said: expect.stringMatching(/^error CLI_CUT_SHORT:/) });
    expect(existsSync(disk())).toBe(false);
    expect(existsSync(path.join(member.project, 'vmgate.lock'))).toBe(false);
    expect(readdirSync(images()).filter((name) => name.startsWith('pulled-'))).toEqual([]);

    registry.letThrough();
    registry.asked.length = 0;
    expect(await pulling().ended).toMatchObject({ code: 0 });
    expect(isWhole()).toBe(true);
    expect(registry.asked.some((range) => /^bytes=[1-9]/.test(range ?? ''))).toBe(true);
  });

  describe('beside another of the same blobs', () => {
    test('both have the whole, and one file is there', async () => {
      const other = new Laptop();
      try {
        const both = await Promise.all([pulling().ended, pulling(other, member.home).ended]);
        expect(both).toMatchObject([{ code: 0 }, { code: 0 }]);
        expect(isWhole()).toBe(true);
        expect(readdirSync(path.join(images(), 'disks'))).toHaveLength(1);
        expect(leftovers()).toEqual([]);
      } finally {
        other.clear();
      }
    });

    test('both killed, one of which had a draft of its own: the next has the whole, and what they left goes', async () => {
      const other = new Laptop();
      try {
        const held = registry.holdAfter(20 * MIB);
        const [first, second] = [pulling(), pulling(other, member.home)];
        await held;
        await until(() => drafts().some((name) => name.includes('.')));
        first.child.kill('SIGKILL');
        await first.ended;
        second.child.kill('SIGKILL');
        await second.ended;
        registry.letThrough();
        expect(await pulling().ended).toMatchObject({ code: 0 });
        expect(isWhole()).toBe(true);
        expect(leftovers()).toEqual([]);
      } finally {
        other.clear();
      }
    });
  });

  const noMounts = process.platform === 'linux' ? notRoot() : 'mounts a tmpfs, which only Linux has';
  describeUnless(noMounts ?? missing('mount', 'umount'), 'a disk that fills')('on a disk that fills', () => {
    let mounted: string;
    const mount = (...options: readonly string[]) =>
      execFileSync('mount', ['-t', 'tmpfs', '-o', options.join(','), 'tmpfs', mounted]);
    beforeEach(() => {
      mounted = mkdtempSync(path.join(tmpdir(), 'vmgate-full-'));
    });
    afterEach(() => {
      execFileSync('umount', ['-l', mounted]);
      rmSync(mounted, { recursive: true, force: true });
    });

    test.each([
      ['in the middle of a piece', 20],
      ['while the pieces become one file', 60],
    ])('%s: the error says so, nothing half is left, and with room it is taken', async (_, mib) => {
      mount(`size=${mib}m`, 'mode=700');
      const home = path.join(mounted, 'home');
      const failed = await pulling(member, home).ended;
      expect(failed).toMatchObject({ code: 3, said: expect.stringContaining('error REGISTRY_STORE_FAILED:') });
      expect(failed.said).toMatch(/ENOSPC/);
      expect(failed.said).toContain('df -h');
      expect(existsSync(disk(home))).toBe(false);
      expect(existsSync(path.join(member.project, 'vmgate.lock'))).toBe(false);
      expect(leftovers(home)).toEqual([]);
      execFileSync('mount', ['-o', 'remount,size=200m', mounted]);
      expect(await pulling(member, home).ended).toMatchObject({ code: 0 });
      expect(isWhole(home)).toBe(true);
    });
  });
});

async function until(holds: () => boolean): Promise<void> {
  for (const began = performance.now(); !holds(); await sleep(20)) {
    if (performance.now() - began > 30_000) throw new Error('did not happen in 30 s');
  }
}
