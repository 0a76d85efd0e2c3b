/** Starts a gate's supervisor as a process of its own, detached from the terminal, and waits until it listens. */
import { spawn } from 'node:child_process';
import { closeSync, fstatSync, ftruncateSync, openSync, readFileSync } from 'node:fs';
import { VmgateError } from '../core/coded.ts';
import type { GateLayout } from '../home/index.ts';
import { childEnvironment, desktopEnvironment, programFile } from '../host/index.ts';
import { errors } from './codes.ts';
import { serializedFault } from './protocol.ts';

const MAX_LOG = 1_048_576;

export interface Launch {
  readonly gate: string;
  readonly layout: GateLayout;
  readonly home: string;
  readonly configPath: string;
  /** The program to run; the lab has one that takes a pass. */
  readonly entry?: { readonly program: string; readonly args: readonly string[] };
}

/**
 * Resolves once the supervisor's socket listens.
 *
 * @throws the supervisor's own error when it could not start; GATE_SUPERVISOR_DIED when it left none
 */
export async function launchSupervisor({ gate, layout, home, configPath, entry }: Launch): Promise<void> {
  const program = entry?.program ?? programFile('supervisor/main');
  const log = openSync(layout.supervisorLog, 'a', 0o600);
  if (fstatSync(log).size > MAX_LOG) ftruncateSync(log);
  const env = childEnvironment({
    VMGATE_HOME: home,
    ...handedOn('VMGATE_ACCEL'),
    ...handedOn('VMGATE_NOTIFY'),
    // Where windows of work VMs go.
    ...desktopEnvironment(),
  });
  try {
    // Reports on crash would write memory, keys included, to disk: they stay off whatever the environment said.
    const child = spawn(process.execPath, ['--no-warnings', program, gate, configPath, ...(entry?.args ?? [])], {
      detached: true,
      cwd: '/',
      env,
      stdio: ['ignore', 'pipe', log],
    });
    await new Promise<void>((resolve, reject) => {
      child.once('error', reject);
      child.stdout?.once('data', () => resolve());
      child.once('exit', () => reject(lastFault(gate, layout)));
    });
    child.removeAllListeners('exit');
    child.stdout?.destroy();
    child.unref();
  } finally {
    closeSync(log);
  }
}

function handedOn(name: 'VMGATE_ACCEL' | 'VMGATE_NOTIFY'): Record<string, string> {
  const value = process.env[name];
  return value === undefined ? {} : { [name]: value };
}

/** The error the process wrote as its last line. */
function lastFault(gate: string, layout: GateLayout): VmgateError {
  const lines = readFileSync(layout.supervisorLog, 'utf8').trimEnd().split('\n');
  try {
    const { fault } = JSON.parse(lines.at(-1) ?? '') as { fault?: unknown };
    return VmgateError.revive(serializedFault.parse(fault));
  } catch {
    const payload = { gate, log: layout.supervisorLog };
    return VmgateError.of(errors.GATE_SUPERVISOR_DIED, payload, { evidence: lines.slice(-5) });
  }
}
