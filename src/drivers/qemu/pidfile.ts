/**
 * Is the QEMU of a folder running? QEMU holds a lock on its pidfile for as long as it lives, however it was started
 * and whoever started it; a stored pid or flag can lie after a crash, a lock cannot.
 *
 * Node has no fcntl(F_GETLK), so the lock is read where the kernel shows it: /proc/locks on Linux, lsof(8), which is
 * part of the system, on macOS.
 */
import { readFile, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { monotonicMs, type Run, run } from '../../host/index.ts';

const POLL_MS = 10;

/** Pid of the process that holds `pidfile`'s lock; undefined when nobody does. */
export async function lockHolder(pidfile: string, runTool: Run = run): Promise<number | undefined> {
  const claimed = await readPid(pidfile);
  if (claimed === undefined) return undefined;
  const held =
    process.platform === 'linux' ? await heldOnLinux(pidfile, claimed) : await openOnMac(pidfile, claimed, runTool);
  return held ? claimed : undefined;
}

/** Waits until nobody holds the lock: the process is gone, its memory and sockets too. False when `timeoutMs` passed. */
export async function unlocked(pidfile: string, timeoutMs: number): Promise<boolean> {
  const deadline = monotonicMs() + timeoutMs;
  while ((await lockHolder(pidfile)) !== undefined) {
    if (monotonicMs() > deadline) return false;
    await delay(POLL_MS);
  }
  return true;
}

async function readPid(pidfile: string): Promise<number | undefined> {
  const text = await readFile(pidfile, 'utf8').catch(() => '');
  const pid = /^([1-9][0-9]{0,9})\s*$/.exec(text)?.[1];
  return pid === undefined ? undefined : Number(pid);
}

async function heldOnLinux(pidfile: string, pid: number): Promise<boolean> {
  const [file, locks] = await Promise.all([stat(pidfile).catch(() => undefined), readFile('/proc/locks', 'utf8')]);
  return file !== undefined && holdsWriteLock(locks, pid, file.ino);
}

/**
 * proc(5): `8: POSIX  ADVISORY  WRITE 10622 fe:00:2230097 0 EOF`. Matched by pid and inode, not by device: on btrfs and
 * overlayfs the device shown here is not the one stat(2) gives.
 */
export function holdsWriteLock(locks: string, pid: number, inode: number): boolean {
  return locks.split('\n').some((line) => {
    const [, kind, , mode, holder, file = ''] = line.trim().split(/\s+/);
    return kind === 'POSIX' && mode === 'WRITE' && holder === String(pid) && file.split(':').at(-1) === String(inode);
  });
}

/** QEMU keeps the locked file open and nothing else opens it for long: `p<pid>` lines of `lsof -F p`; status 1: nobody. */
async function openOnMac(pidfile: string, pid: number, runTool: Run): Promise<boolean> {
  const result = await runTool({ tool: 'lsof', argv: ['-F', 'p', '--', pidfile], timeoutMs: 5_000 });
  return result.stdout.split('\n').includes(`p${pid}`);
}
