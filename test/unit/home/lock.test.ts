import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setImmediate as tick } from 'node:timers/promises';
import { afterEach, describe, expect, test } from '@jest/globals';
import { VmgateError } from '../../../src/core/coded.ts';
import { acquireLock, readLock } from '../../../src/home/index.ts';
import { machineProcesses, type ProcessIdentities } from '../../../src/host/index.ts';
import { temporaryFolders } from './temp-folder.ts';

const temporary = temporaryFolders();
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

async function child(): Promise<ChildProcess & { readonly pid: number }> {
  const started = spawn('sleep', ['300'], { stdio: 'ignore' });
  children.push(started);
  await once(started, 'spawn');
  return started as ChildProcess & { readonly pid: number };
}

/** What a process that held the lock and went on left in the folder. */
async function claimOf(pid: number, more: { bootId?: string; start?: string } = {}): Promise<string> {
  const folder = path.join(temporary(), 'lock');
  mkdirSync(folder);
  const bootId = more.bootId ?? (await machineProcesses.bootId());
  const start = more.start ?? (await machineProcesses.startOf(pid)) ?? '0';
  const holder = JSON.stringify({ pid, bootId, start });
  for (const part of ['claim', 'held']) writeFileSync(path.join(folder, `00ff.${part}`), holder);
  return folder;
}

async function refusal(folder: string): Promise<VmgateError> {
  const error: unknown = await acquireLock(folder).catch((reason: unknown) => reason);
  if (!VmgateError.is(error)) throw new Error('the lock was given');
  return error;
}

describe('a lock', () => {
  test('is held once, says by whom, and can be had again after release', async () => {
    const folder = path.join(temporary(), 'lock');
    expect(await readLock(folder)).toBeUndefined();
    const lock = await acquireLock(folder);
    expect(await readLock(folder)).toEqual(lock.holder);
    expect(await refusal(folder)).toMatchObject({ code: 'HOME_LOCKED', exit: 2, payload: { pid: process.pid } });
    lock.release();
    lock.release();
    expect(readdirSync(folder)).toEqual([]);
    (await acquireLock(folder)).release();
  });

  test('sweeps what a writer that was killed left half written, and nobody else does', async () => {
    const folder = path.join(temporary(), 'lock');
    const [dead, living] = [await child(), await child()];
    dead.kill('SIGKILL');
    await once(dead, 'exit');
    mkdirSync(folder);
    for (const { pid } of [dead, living]) writeFileSync(path.join(folder, `00ff.${pid}.draft`), '');
    (await acquireLock(folder)).release();
    expect(readdirSync(folder)).toEqual([`00ff.${living.pid}.draft`]);
  });

  test('outlives SIGSTOP of its holder and falls with SIGKILL, at once', async () => {
    const holder = await child();
    const folder = await claimOf(holder.pid);
    expect(await readLock(folder)).toMatchObject({ pid: holder.pid });
    holder.kill('SIGSTOP');
    expect(await refusal(folder)).toMatchObject({ payload: { pid: holder.pid } });
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    (await acquireLock(folder)).release();
  });

  test.each([
    ['a reboot gave its pid to another process', async () => claimOf(process.pid, { bootId: 'an earlier boot' })],
    ['its pid was reused within this boot', async () => claimOf(process.pid, { start: '1' })],
    ['a power cut left an empty claim', emptyClaim],
  ])('does not hold when %s', async (_, leave) => {
    const folder = await leave();
    expect(await readLock(folder)).toBeUndefined();
    const lock = await acquireLock(folder);
    expect(readdirSync(folder)).toHaveLength(2 + (readdirSync(folder).includes('00ff.held') ? 1 : 0));
    lock.release();
  });

  test('a zombie holds nothing', async () => {
    const parent = spawn('sh', ['-c', 'sleep 0.01 & echo $!; exec sleep 300']);
    children.push(parent);
    const [chunk] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(chunk.toString());
    const start = await machineProcesses.startOf(pid);
    while ((await machineProcesses.startOf(pid)) !== undefined) await tick();
    expect(() => process.kill(pid, 0)).not.toThrow();
    const folder = await claimOf(pid, { start: start ?? '0' });
    expect(await readLock(folder)).toBeUndefined();
  });

  test('many claimants at once: never two hold, and all get their turn', async () => {
    const folder = path.join(temporary(), 'lock');
    const jittery: ProcessIdentities = {
      bootId: async () => 'boot',
      startOf: async () => {
        for (let left = Math.floor(Math.random() * 4); left > 0; left--) await tick();
        return 'start';
      },
    };
    let holding = 0;
    let most = 0;
    const claimant = async () => {
      for (let turns = 0; turns < 3; ) {
        const lock = await acquireLock(folder, jittery).catch(() => undefined);
        if (lock === undefined) continue;
        most = Math.max(most, ++holding);
        await tick();
        holding--;
        lock.release();
        turns++;
      }
    };
    await Promise.all(Array.from({ length: 6 }, claimant));
    expect(most).toBe(1);
    expect(readdirSync(folder)).toEqual([]);
  });
});

async function emptyClaim(): Promise<string> {
  const folder = path.join(temporary(), 'lock');
  mkdirSync(folder);
  writeFileSync(path.join(folder, '00ff.claim'), '');
  return folder;
}
