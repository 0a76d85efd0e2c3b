/** Deadlines for somebody else who lives on this machine too. */
import { monotonicMs } from './clock.ts';

/** A timer that comes later than this was slept through; a busy event loop is late by less. */
const SLEPT_MS = 1_000;

/**
 * Calls `late` when `ms` have passed, but for time in which this process did not run: a guest that is waited for stood
 * still as well when the machine slept, and a deadline that passed meanwhile says nothing about it. It gets its time anew.
 *
 * @returns ends the wait
 */
export function whenOverdue(ms: number, late: () => void): () => void {
  let timer: NodeJS.Timeout;
  const wait = () => {
    const dueMs = monotonicMs() + ms;
    timer = setTimeout(() => (monotonicMs() - dueMs > SLEPT_MS ? wait() : late()), ms);
  };
  wait();
  return () => clearTimeout(timer);
}
