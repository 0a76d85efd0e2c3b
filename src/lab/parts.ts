/** The processes of a gate, as the machine has them: looked up when they are hit, because a recovery replaces them. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { PIDFILE } from '../drivers/index.ts';
import { type GateLayout, readLock } from '../home/index.ts';
import { run } from '../host/index.ts';

/** `work` is any of its work VMs, by name. */
export type Part = 'supervisor' | 'guard' | 'gateway' | { readonly work: string };

export interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly args: string;
}

/** Every process of this machine. */
export async function processes(): Promise<readonly Process[]> {
  const { stdout } = await run({ tool: 'ps', argv: ['-A', '-ww', '-o', 'pid=,ppid=,args='], timeoutMs: 10_000 });
  return stdout.split('\n').flatMap((line) => {
    const [, pid, parent, args] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    return args === undefined ? [] : [{ pid: Number(pid), parent: Number(parent), args }];
  });
}

/** The process id of a part; undefined when there is none. */
export async function pidOf(gate: GateLayout, part: Part): Promise<number | undefined> {
  if (typeof part === 'object') return pidIn(gate.work(part.work));
  if (part === 'gateway') return pidIn(gate.run);
  const supervisor = (await readLock(gate.lock))?.pid;
  if (part === 'supervisor' || supervisor === undefined) return supervisor;
  // Its other children are QEMUs and other tools; the guard is the one that runs Node.
  const children = (await processes()).filter(({ parent }) => parent === supervisor);
  return children.find(({ args }) => args.includes('--disallow-code-generation-from-strings'))?.pid;
}

async function pidIn(folder: string): Promise<number | undefined> {
  const text = await readFile(path.join(folder, PIDFILE), 'utf8').catch(() => '');
  const pid = Number(text.trim());
  return Number.isInteger(pid) && pid > 0 ? pid : undefined;
}
