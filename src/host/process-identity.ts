/**
 * Who a pid is. A pid alone names nobody: it is reused within a boot and means somebody else after the next. Boot id,
 * pid and start time together name one process for ever.
 */
import { readFileSync } from 'node:fs';
import { VmgateError } from '../core/coded.ts';
import { errnoOf } from './cause.ts';
import { errors } from './codes.ts';
import { expectOk } from './outcome.ts';
import { run } from './run.ts';

export interface ProcessIdentities {
  /** Changes at every boot, and only then. */
  bootId(): Promise<string>;
  /** Opaque start time of a living process; undefined when there is none (a zombie is none, a stopped process is one). */
  startOf(pid: number): Promise<string | undefined>;
}

let boot: Promise<string> | undefined;

/** The identities of this machine's processes. */
export const machineProcesses: ProcessIdentities =
  process.platform === 'linux'
    ? { bootId: async () => linuxBootId(), startOf: async (pid) => linuxStart(pid) }
    : {
        bootId: () => {
          boot ??= macBootId();
          return boot;
        },
        startOf: macStart,
      };

function linuxBootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
}

function linuxStart(pid: number): string | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch (cause) {
    // ESRCH: the process ended between open and read.
    if (errnoOf(cause) === 'ENOENT' || errnoOf(cause) === 'ESRCH') return undefined;
    const payload = { tool: 'procfs', doing: `looking at process ${pid}`, outcome: 'cannot be read', command: 'mount' };
    throw VmgateError.of(errors.HOST_TOOL_FAILED, payload, { cause });
  }
}

/** When it started, undefined for one that has ended. Field 3 is the state, field 22 the start. */
export function parseStat(stat: string): string | undefined {
  const fields = statFields(stat);
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}

/** The fields of `/proc/PID/stat` from the third on (proc_pid_stat(5)): the name in field 2 may hold spaces and parentheses. */
export function statFields(stat: string): readonly string[] {
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

async function macBootId(): Promise<string> {
  const result = await run({ tool: 'sysctl', argv: ['-n', 'kern.bootsessionuuid'], timeoutMs: 5_000 });
  return expectOk(result, 'reading the boot id').stdout.trim();
}

/** `lstart` is printed in local time: without TZ a journey to another time zone would look like another process. */
async function macStart(pid: number): Promise<string | undefined> {
  const argv = ['-o', 'stat=', '-o', 'lstart=', '-p', String(pid)];
  const result = await run({ tool: 'ps', argv, env: { TZ: 'UTC' }, timeoutMs: 5_000 });
  const [, state = 'Z', start] = /^(\S+)\s+(.+)$/.exec(result.stdout.trim()) ?? [];
  return state.startsWith('Z') ? undefined : start;
}
