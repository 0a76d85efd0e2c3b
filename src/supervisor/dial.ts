/** `dial` and `reach`: the client's connection becomes a byte stream to a port of a work VM, carried by the gateway. */
import type { Duplex } from 'node:stream';
import { VmgateError } from '../core/coded.ts';
import { joinStreams } from '../host/index.ts';
import { errors } from './codes.ts';
import type { Exchange } from './server.ts';
import { sessionOf } from './session.ts';
import type { World } from './world.ts';

/** The caller has judged that the VM is admitted. Outlives a close of the gate: a shell waits until its wire is back. */
export async function dialWork(world: World, name: string, port: number, exchange: Exchange): Promise<void> {
  const remote = await dialled(world, name, port);
  const local = exchange.raw(null);
  // Gone while the gateway dialled: its `close` has been told already.
  if (local.destroyed) remote.destroy();
  else void joinStreams(local, remote, () => world.outlets.pace.brake());
}

/** As {@link dialWork}, but cut when the gate closes (`signal`) and when the VM ends. */
export async function reachWork(
  world: World,
  { name, port }: { readonly name: string; readonly port: number },
  exchange: Exchange,
  signal: AbortSignal,
): Promise<void> {
  const local = await world.outlets.open(exchange, signal, () => dialled(world, name, port));
  void world.works.get(name)?.ended.then(() => local.destroy());
}

function dialled(world: World, name: string, port: number): Promise<Duplex> {
  const { plan, control } = sessionOf(world);
  const link = plan.work.find(({ workVm }) => workVm === name);
  if (link === undefined) throw VmgateError.of(errors.GATE_WORK_NOT_RUNNING, { name });
  return control.dial(link.guest, port);
}
