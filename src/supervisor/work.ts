/** Runners of work VMs: frozen first, judged, raised last; stopped with the link down before anything else. */
import type { WorkConfig } from '../config/index.ts';
import { VmgateError } from '../core/coded.ts';
import { judgeDefinition } from '../core/definition.ts';
import type { Verdict } from '../core/verdict.ts';
import type { RunningWork, WorkSpec } from '../drivers/index.ts';
import { monotonicMs } from '../host/index.ts';
import { describeWork, prepareWork } from '../work/index.ts';
import { errors, events } from './codes.ts';
import type { Runners } from './loop.ts';
import { sessionOf } from './session.ts';
import { wireOf } from './wires.ts';
import type { World } from './world.ts';

/** ACPI, then force: a guest that has not gone down by then does not listen. */
const SHUTDOWN_MS = 15_000;
const READY_MS = 180_000;
const SSH_PORT = 22;
const REFUSAL_MS = 1_000;

type WorkRunners = Pick<Runners, 'defineWork' | 'judgeWork' | 'raiseWork' | 'awaitReady' | 'stopWork'>;

/** `onEnd` hears of every work VM's end, wanted or not. */
export function workRunners(world: World, onEnd: (name: string) => void): WorkRunners {
  return {
    defineWork: async ({ name, generation }) => {
      const spec = await specOf(world, name);
      await prepareWork(configOf(world, name), spec, world.home.images);
      const work = await world.workHost.start(spec);
      keep(world, name, work, onEnd);
      return { type: 'defined', name, generation, verdict: judgeDefinition(spec, await work.facts()) };
    },
    judgeWork: async ({ name, generation }) => {
      const spec = await specOf(world, name);
      const verdict = judgeDefinition(spec, await runningOf(world, name).facts());
      if (verdict.outcome !== 'verified') tell(world, name, verdict);
      return { type: 'defined', name, generation, verdict };
    },
    raiseWork: async ({ name, generation }) => {
      const work = runningOf(world, name);
      await work.resume();
      await work.setLink(true);
      return { type: 'raised', name, generation };
    },
    awaitReady: async ({ name, generation }) => {
      await answering(world, name);
      return { type: 'ready', name, generation };
    },
    stopWork: async ({ name, force }) => {
      const work = world.works.get(name);
      if (work !== undefined) await stop(work, force);
      return { type: 'workEnded', name };
    },
  };
}

/** Watches a running VM until its end. */
export function keep(world: World, name: string, work: RunningWork, onEnd: (name: string) => void): void {
  world.works.set(name, work);
  void work.ended.then(() => {
    if (world.works.get(name) !== work) return;
    world.works.delete(name);
    onEnd(name);
  });
}

export function configOf(world: World, name: string): WorkConfig {
  const known = world.config?.config.work ?? [];
  const found = known.find((work) => work.name === name);
  if (found !== undefined) return found;
  throw VmgateError.of(errors.GATE_UNKNOWN_VM, { name, known: known.map((work) => work.name) });
}

function runningOf(world: World, name: string): RunningWork {
  const work = world.works.get(name);
  if (work === undefined) throw VmgateError.of(errors.GATE_WORK_NOT_RUNNING, { name });
  return work;
}

async function specOf(world: World, name: string): Promise<WorkSpec> {
  const { plan } = sessionOf(world);
  const link = plan.work.find(({ workVm }) => workVm === name);
  if (link === undefined) throw VmgateError.of(errors.GATE_UNKNOWN_VM, { name, known: [] });
  const { gatewayPath, guestPath } = wireOf(world.layout, link.ifname);
  const wire = { localPath: guestPath, remotePath: gatewayPath };
  return describeWork(configOf(world, name), {
    folder: world.layout.work(name),
    images: world.home.images,
    mac: link.guestMac,
    wire,
  });
}

/** A banner, or a refusal: either comes from the VM itself, over its link, so it is up. */
async function answering(world: World, name: string): Promise<void> {
  const { plan, control } = sessionOf(world);
  const link = plan.work.find(({ workVm }) => workVm === name);
  if (link === undefined) throw VmgateError.of(errors.GATE_UNKNOWN_VM, { name, known: [] });
  const deadline = Date.now() + READY_MS;
  while (Date.now() < deadline) {
    const asked = monotonicMs();
    const connected = await control.dial(link.guest, SSH_PORT).then(
      (stream) => stream.destroy() !== undefined,
      () => false,
    );
    // Nobody there is told by ARP's silence, after seconds; a refusal comes at once, from the VM itself.
    if (connected || monotonicMs() - asked < REFUSAL_MS) return;
    if (!world.works.has(name)) throw VmgateError.of(errors.GATE_WORK_NOT_RUNNING, { name });
  }
  throw VmgateError.of(errors.GATE_WORK_NOT_READY, { name, seconds: READY_MS / 1_000 });
}

async function stop(work: RunningWork, force: boolean): Promise<void> {
  await work.setLink(false).catch(() => undefined);
  if (!force) {
    await work.powerDown().catch(() => undefined);
    await Promise.race([work.ended, new Promise((resolve) => setTimeout(resolve, SHUTDOWN_MS))]);
  }
  await work.kill();
}

function tell(world: World, name: string, verdict: Verdict): void {
  world.emit(events.GATE_WORK, { name, what: `keeps its link down: ${verdict.summary}` });
}
