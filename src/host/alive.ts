import { errnoOf } from './cause.ts';

/** Whether there is such a process, ours or somebody else's. A number is given again: what is swept by it is only scratch. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return errnoOf(cause) === 'EPERM';
  }
}
