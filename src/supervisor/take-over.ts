/** What a supervisor finds when it takes a gate: leftovers of an earlier one go, work VMs that kept running stay. */
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { loadConfig } from '../config/index.ts';
import { VmgateError } from '../core/coded.ts';
import type { GateEvent } from '../core/gate/events.ts';
import { messageOf } from '../host/index.ts';
import { revokeReceipt } from '../trust/index.ts';
import { isDisposable } from '../work/index.ts';
import { events } from './codes.ts';
import { keep, type OnEnd } from './work.ts';
import type { World } from './world.ts';

/** Nobody remembers by which tunnel the connections of an adopted VM went. */
const UNKNOWN_TUNNEL = 'before this supervisor';

/** @throws CONFIG_*, and whatever keeps the leftovers alive */
export async function takeOver(world: World, post: (event: GateEvent) => void, onEnd: OnEnd): Promise<void> {
  await world.gatewayHost.reap(world.layout.run);
  await revokeReceipt(world.layout.receipts);
  const loaded = loadConfig(path.dirname(world.configPath), world.home.root);
  world.config = loaded;
  post({ type: 'configured', workVms: loaded.config.work, profiles: loaded.config.vpn });
  const configured = loaded.config.work.map(({ name }) => name);
  // Also those that left the configuration: `down` has to know them.
  for (const name of new Set([...configured, ...(await foldersOf(world))])) await adopt(world, name, post, onEnd);
}

/** A VM that cannot be talked to cannot have its link set down either: it is ended. */
async function adopt(world: World, name: string, post: (event: GateEvent) => void, onEnd: OnEnd): Promise<void> {
  const folder = world.layout.work(name);
  try {
    const work = await world.workHost.adopt({ name, folder });
    if (work === undefined) return;
    if (isDisposable(folder)) world.disposable.add(name);
    keep(world, name, work, onEnd);
    world.tunnelsUsed.add(UNKNOWN_TUNNEL);
    world.emit(events.GATE_WORK, { name, what: 'adopted: it kept running, its link is down' });
    post({ type: 'adopted', name });
  } catch (cause) {
    await world.workHost.reap(folder);
    const why = VmgateError.is(cause) ? cause.what : messageOf(cause);
    world.emit(events.GATE_WORK, { name, what: `ended: it kept running and could not be taken over: ${why}` });
  }
}

async function foldersOf(world: World): Promise<readonly string[]> {
  const folder = path.dirname(world.layout.work('any'));
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}
