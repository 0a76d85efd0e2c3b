/** `dial`: the client's connection becomes a byte stream to a port of a work VM, carried by the gateway. */
import { VmgateError } from '../core/coded.ts';
import { errors } from './codes.ts';
import type { Exchange } from './server.ts';
import { sessionOf } from './session.ts';
import type { World } from './world.ts';

/** The caller has judged that the VM is admitted. */
export async function dialWork(world: World, name: string, port: number, exchange: Exchange): Promise<void> {
  const { plan, control } = sessionOf(world);
  const link = plan.work.find(({ workVm }) => workVm === name);
  if (link === undefined) throw VmgateError.of(errors.GATE_WORK_NOT_RUNNING, { name });
  const remote = await control.dial(link.guest, port);
  const local = exchange.raw(null);
  // Gone while the gateway dialled: its `close` has been told already.
  if (local.destroyed) {
    remote.destroy();
    return;
  }
  remote.on('error', () => local.destroy());
  remote.on('close', () => local.destroy());
  local.on('close', () => remote.destroy());
  local.pipe(remote).pipe(local);
}
