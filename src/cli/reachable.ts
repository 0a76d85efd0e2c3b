/** Whether a work VM can be connected to now, said in the gate's words. */
import { VmgateError } from '../core/coded.ts';
import type { Phase } from '../core/gate/state.ts';
import type { SupervisorClient } from '../supervisor/client.ts';
import type { Gate } from './gate-access.ts';

/** As the gate was when `client` connected. @throws GATE_NOT_VERIFIED, GATE_WORK_NOT_RUNNING */
export async function requireReachable(gate: Gate, { greeting }: SupervisorClient, name: string): Promise<void> {
  const { phase, why, work } = greeting;
  const vm = work.find((each) => each.name === name);
  const { errors } = await import('../supervisor/index.ts');
  if (vm === undefined || vm.status === 'stopped') throw VmgateError.of(errors.GATE_WORK_NOT_RUNNING, { name });
  if (vm.linkUp) return;
  throw VmgateError.of(errors.GATE_NOT_VERIFIED, {
    gate: gate.name,
    phase: phase as Phase,
    why: why === '' ? `the wire of ${name} is down` : why,
    remedy: 'vmgate up waits until the gate is open',
  });
}
