import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import os from 'node:os';
import { afterEach, expect, test } from '@jest/globals';
import { YIELDING, yieldOften } from '../../../../src/drivers/qemu/yielding.ts';
import { describeUnless } from '../../../obstacle.ts';

const hasGroups = existsSync('/proc/self/autogroup');
let child: ChildProcess | undefined;
afterEach(() => {
  child?.kill('SIGKILL');
});

async function started(detached: boolean): Promise<number> {
  child = spawn('sleep', ['60'], { detached, stdio: 'ignore' });
  if (child.pid === undefined) throw new Error('no sleep');
  await yieldOften(child.pid);
  return child.pid;
}

test('a process that yields is nicer than the one that starts it', async () => {
  expect(os.getPriority(await started(true))).toBe(Math.min(os.getPriority() + YIELDING, 19));
});

test('one that has ended is no trouble', async () => {
  const pid = await started(true);
  child?.kill('SIGKILL');
  await new Promise((resolve) => child?.once('exit', resolve));
  await expect(yieldOften(pid)).resolves.toBeUndefined();
});

describeUnless(hasGroups ? undefined : 'needs a Linux that groups processes by session', 'a session')(
  'a session',
  () => {
    const groupOf = (pid: number) => readFileSync(`/proc/${pid}/autogroup`, 'utf8').trim();

    test('of its own yields to the others', async () => {
      expect(groupOf(await started(true))).toMatch(new RegExp(` nice ${YIELDING}$`));
    });

    test('that it shares stays what it was', async () => {
      const before = groupOf(process.pid);
      expect(groupOf(await started(false))).toBe(before);
    });
  },
);
