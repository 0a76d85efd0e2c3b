/** What is asked of a gate that is up, proven or not. */
import { VmgateError } from '../core/coded.ts';
import type { SupervisorClient } from '../supervisor/client.ts';
import type { Gate } from './gate-access.ts';

/** The supervisor, for what has nothing to do with a proven tunnel. `wanted`: what there is none of. @throws GATE_NOT_UP */
export async function requireUp(gate: Gate, wanted: string): Promise<SupervisorClient> {
  const { errors, SupervisorClient } = await import('../supervisor/index.ts');
  const client = await SupervisorClient.connect(gate.name, gate.layout);
  if (client === undefined) throw VmgateError.of(errors.GATE_NOT_UP, { gate: gate.name, wanted });
  return client;
}

/** GATE_WORK_NOT_RUNNING, which says what comes before `start` where the gate is down. */
export async function notRunning(gate: Gate, name: string): Promise<VmgateError> {
  const { errors, SupervisorClient } = await import('../supervisor/index.ts');
  const client = await SupervisorClient.connect(gate.name, gate.layout);
  client?.close();
  return VmgateError.of(errors.GATE_WORK_NOT_RUNNING, { name, isDown: client === undefined });
}
