/**
 * For `stop` and `down`: whatever still runs of a gate, found at the hypervisor and not in a file, gets a supervisor
 * again, which adopts it and then ends it in the usual order (P9).
 */
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { VmgateError } from '../core/coded.ts';
import { type GateLayout, readLock } from '../home/index.ts';
import { monotonicMs } from '../host/index.ts';
import { errors, launchSupervisor, SupervisorClient } from '../supervisor/index.ts';
import type { Context } from './command.ts';
import { type Gate, originOf } from './gate-access.ts';

/** SIGKILL takes effect at once, but for a process that hangs in the kernel. */
const KILL_MS = 10_000;

/** Runs `act` with the gate's supervisor; undefined when nothing of the gate runs. */
export async function withRunningGate(
  context: Context,
  gate: Gate,
  act: (client: SupervisorClient) => Promise<unknown>,
): Promise<unknown> {
  const client = (await answering(gate)) ?? (await revived(context, gate));
  if (client === undefined) return undefined;
  try {
    return await act(client);
  } finally {
    client.close();
  }
}

/** The supervisor that answers. One that holds the lock and does not (stopped, stuck) is ended: its gate is dead already. */
export async function answering(gate: Gate): Promise<SupervisorClient | undefined> {
  try {
    return await SupervisorClient.connect(gate.name, gate.layout);
  } catch (cause) {
    if (!VmgateError.is(cause) || cause.code !== errors.GATE_SUPERVISOR_SILENT.code) throw cause;
    await endHolder(gate.layout.lock, cause);
    return undefined;
  }
}

/** @throws `stuck` when the holder outlives SIGKILL */
async function endHolder(lock: string, stuck: VmgateError): Promise<void> {
  const deadline = monotonicMs() + KILL_MS;
  const holder = await readLock(lock);
  try {
    if (holder !== undefined) process.kill(holder.pid, 'SIGKILL');
  } catch {
    // ESRCH: it ended by itself in this moment.
  }
  while ((await readLock(lock)) !== undefined) {
    if (monotonicMs() > deadline) throw stuck;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function revived(context: Context, gate: Gate): Promise<SupervisorClient | undefined> {
  if (!(await anythingRuns(gate.layout))) return undefined;
  const configPath = gate.loaded?.path ?? originOf(gate.layout);
  if (configPath === undefined) return undefined;
  await launchSupervisor({ gate: gate.name, layout: gate.layout, home: context.home().root, configPath });
  return SupervisorClient.connect(gate.name, gate.layout);
}

/** A gateway or a work VM whose process holds its pidfile's lock. */
export async function anythingRuns(layout: GateLayout): Promise<boolean> {
  const { Installation, QemuWorkHost } = await import('../drivers/index.ts');
  const host = new QemuWorkHost(new Installation());
  const folder = path.dirname(layout.work('x'));
  const vms = existsSync(folder) ? readdirSync(folder).map((name) => layout.work(name)) : [];
  const running = await Promise.all([layout.run, ...vms].map((each) => host.isRunning(each)));
  return running.includes(true);
}
