/** The two clocks of this machine. Deadlines are kept on both: see the guard's dead man's switch (P5). */

/**
 * Milliseconds of CLOCK_MONOTONIC, one clock for all processes of a boot: clock_gettime(2). It stands still while a
 * Linux machine sleeps, which is why the wall clock is asked too.
 */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Milliseconds since the epoch, as far as this machine knows. */
export function wallMs(): number {
  return Date.now();
}
