/** A process that leaves the processor to others, however many threads it has. */
import { readFile, writeFile } from 'node:fs/promises';
import os from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { errnoOf, statFields } from '../../host/index.ts';

/** nice(1)'s scale. Enough for the gateway's one thread to be heard among those of a dozen work VMs; alone it costs nothing. */
export const YIELDING = 10;

/** Others than root may set one group's value in a tenth of a second, the machine over (proc_sched_autogroup_set_nice). */
const ATTEMPTS = 50;
const AGAIN_MS = 110;

/**
 * At once after the start of a process that leads a session: threads have the priority of the one that makes them.
 *
 * Where the kernel groups processes by session, which Linux does by itself on a desktop, a nice value counts among the
 * threads of one session alone; sessions compete by a value of their own (sched(7), autogroup).
 */
export async function yieldOften(pid: number): Promise<void> {
  try {
    os.setPriority(pid, Math.min(os.getPriority() + YIELDING, os.constants.priority.PRIORITY_LOW));
    if (await leadsSession(pid)) await yieldSession(pid);
  } catch {
    // It ended by itself in this moment, which is told elsewhere; or this is no Linux.
  }
}

/** Of any other the value would be that of everybody in its session: of the gateway, of the one who started it. */
async function leadsSession(pid: number): Promise<boolean> {
  const [, , , session] = statFields(await readFile(`/proc/${pid}/stat`, 'latin1'));
  return session === String(pid);
}

async function yieldSession(pid: number): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await writeFile(`/proc/${pid}/autogroup`, String(YIELDING));
    } catch (cause) {
      if (errnoOf(cause) !== 'EAGAIN' || attempt === ATTEMPTS) throw cause;
      await delay(AGAIN_MS, undefined, { ref: false });
    }
  }
}
