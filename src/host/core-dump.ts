/** Keeps memory out of core files: of this process and of every process it starts from then on (P6). */
import { writeFileSync } from 'node:fs';

const FILTER = '/proc/self/coredump_filter';

/**
 * Linux: no kind of memory mapping is dumped (core(5), "Controlling which mappings are written"); children inherit that.
 * Only registers are left. macOS writes no core files unless somebody raised the limit, and has nothing like it. Never
 * throws: where it cannot be had, `dump-guest-core=off` and the machine's own limit remain.
 */
export function withholdMemoryFromCoreDumps(filter: string = FILTER): void {
  try {
    writeFileSync(filter, '0', { flag: 'r+' });
  } catch {
    // No such file: another system.
  }
}
