/** Runners of work VMs: frozen first, judged, raised last; stopped with the link down before anything else. */
import type { WorkConfig } from '../config/index.ts';
import { type SerializedFault, VmgateError } from '../core/coded.ts';
import { judgeDefinition } from '../core/definition.ts';
import type { Verdict } from '../core/verdict.ts';
import type { RunningWork, WorkSpec } from '../drivers/index.ts';
import { monotonicMs } from '../host/index.ts';
import { describeWork, dropDisposable, prepareWork, type WorkPlace, whileLocked } from '../work/index.ts';
import { cutShort, errors, events } from './codes.ts';
import type { Runners } from './loop.ts';
import { sessionOf } from './session.ts';
import { wireOf } from './wires.ts';
import { answering } from './work-ready.ts';
import type { World } from './world.ts';

/** ACPI, then force: a guest that has not gone down by then does not listen. */
const SHUTDOWN_MS = 15_000;
/** Below the loop's deadline: a link that was given up is not raised afterwards. */
const RAISE_MS = 4_000;

type WorkRunners = Pick<
  Runners,
  'defineWork' | 'judgeWork' | 'resumeWork' | 'raiseWork' | 'awaitReady' | 'pauseWork' | 'stopWork'
>;

/** Hears of a work VM's end that nobody had asked for. */
export type OnEnd = (name: string, fault: SerializedFault) => void;

export function workRunners(world: World, onEnd: OnEnd): WorkRunners {
  return {
    defineWork: async ({ name, generation }) => {
      const cancelled = new AbortController();
      const starting = startFrozen(world, name, cancelled.signal, onEnd);
      const settled = starting.catch(() => undefined);
      world.starting.set(name, { cancel: () => cancelled.abort(cutShort()), settled });
      const { spec, work } = await starting;
      world.emit(events.GATE_WORK, { name, what: 'is there, frozen until it is judged' });
      return { type: 'defined', name, generation, verdict: judgeDefinition(spec, await work.facts()) };
    },
    judgeWork: async ({ name, generation }) => {
      const work = runningOf(world, name);
      const spec = await specOf(world, name);
      // A lowering that failed when the gate closed must not leave this link up before its verdict.
      await work.setLink(false);
      const verdict = judgeDefinition(spec, await work.facts());
      if (verdict.outcome !== 'verified') tell(world, name, verdict);
      return { type: 'defined', name, generation, verdict };
    },
    resumeWork: async ({ name }) => {
      await runningOf(world, name).resume();
      return undefined;
    },
    raiseWork: async ({ name, generation }) => {
      const { signal } = world.attempt;
      const began = monotonicMs();
      const work = runningOf(world, name);
      try {
        await work.resume();
        signal.throwIfAborted();
        if (monotonicMs() - began > RAISE_MS) {
          throw VmgateError.of(errors.GATE_STEP_LATE, { step: `starting work VM ${name}`, seconds: RAISE_MS / 1_000 });
        }
        await work.setLink(true);
        world.emit(events.GATE_WORK, { name, what: 'has its link up' });
      } catch (cause) {
        await work.setLink(false).catch(() => undefined);
        throw cause;
      }
      return { type: 'raised', name, generation };
    },
    awaitReady: async ({ name, generation }) => {
      const mustSpeak = configOf(world, name).setUp !== undefined;
      await answering(world, name, mustSpeak, world.attempt.signal);
      return { type: 'ready', name, generation };
    },
    pauseWork: async ({ name }) => {
      await world.works.get(name)?.pause();
      world.emit(events.GATE_WORK, { name, what: 'stands still until the gate is open again' });
      return undefined;
    },
    stopWork: async ({ name, force }) => {
      const start = world.starting.get(name);
      start?.cancel();
      await start?.settled;
      const work = world.works.get(name);
      if (work === undefined) return { type: 'workEnded', name };
      await stop(work, force).catch(() => world.workHost.reap(world.layout.work(name)));
      // Told already where the process's own end was noticed first.
      if (world.works.get(name) !== work) return undefined;
      world.works.delete(name);
      await dropDisposable(world.layout.work(name));
      world.emit(events.GATE_WORK, { name, what: 'is stopped' });
      return { type: 'workEnded', name };
    },
  };
}

/** From nothing to a frozen process. Cancelled, it leaves none. */
async function startFrozen(
  world: World,
  name: string,
  cancelled: AbortSignal,
  onEnd: OnEnd,
): Promise<{ readonly spec: WorkSpec; readonly work: RunningWork }> {
  const folder = world.layout.work(name);
  return whileLocked({ name, folder }, async () => {
    // The disks of one that runs unknown to us are not touched; the start below refuses it.
    if (!(await world.workHost.isRunning(folder))) {
      await prepareWork(configOf(world, name), placeOf(world, name), world.disposable.has(name));
    }
    const spec = await specOf(world, name);
    cancelled.throwIfAborted();
    const work = await world.workHost.start(spec);
    if (cancelled.aborted) await work.kill();
    cancelled.throwIfAborted();
    keep(world, name, work, onEnd);
    return { spec, work };
  });
}

/** Watches a running VM until its end. */
export function keep(world: World, name: string, work: RunningWork, onEnd: OnEnd): void {
  world.works.set(name, work);
  void work.ended.then(async ({ detail }) => {
    if (world.works.get(name) !== work) return;
    world.works.delete(name);
    await dropDisposable(world.layout.work(name));
    onEnd(name, VmgateError.of(errors.GATE_WORK_ENDED, { name, detail }).serialize());
  });
}

export function configOf(world: World, name: string): WorkConfig {
  const known = world.config?.config.work ?? [];
  const found = known.find((work) => work.name === name);
  if (found !== undefined) return found;
  throw VmgateError.of(errors.GATE_UNKNOWN_VM, { name, known: known.map((work) => work.name) });
}

export function runningOf(world: World, name: string): RunningWork {
  const work = world.works.get(name);
  if (work === undefined) throw VmgateError.of(errors.GATE_WORK_NOT_RUNNING, { name });
  return work;
}

function specOf(world: World, name: string): Promise<WorkSpec> {
  return describeWork(configOf(world, name), placeOf(world, name));
}

function placeOf(world: World, name: string): WorkPlace {
  const { plan } = sessionOf(world);
  const link = plan.work.find(({ workVm }) => workVm === name);
  if (link === undefined) throw VmgateError.of(errors.GATE_UNKNOWN_VM, { name, known: [] });
  const { gatewayPath, guestPath } = wireOf(world.layout, link.ifname);
  return {
    folder: world.layout.work(name),
    images: world.home.images,
    arch: world.arch,
    mac: link.guestMac,
    wire: { localPath: guestPath, remotePath: gatewayPath },
  };
}

async function stop(work: RunningWork, force: boolean): Promise<void> {
  await work.setLink(false).catch(() => undefined);
  if (!force && (await isAwake(work).catch(() => true))) {
    await work.powerDown().catch(() => undefined);
    let patience: NodeJS.Timeout | undefined;
    const tooLong = new Promise((resolve) => {
      patience = setTimeout(resolve, SHUTDOWN_MS);
    });
    await Promise.race([work.ended, tooLong]);
    clearTimeout(patience);
  }
  await work.kill();
}

/**
 * Whether it hears its power button: one that stands still is woken for it. One that never ran stays frozen, for its
 * definition may not be judged yet (P2), and has nothing to lose.
 */
async function isAwake(work: RunningWork): Promise<boolean> {
  const { status } = await work.facts();
  if (status === 'paused') await work.resume();
  return status !== 'prelaunch';
}

function tell(world: World, name: string, verdict: Verdict): void {
  world.emit(events.GATE_WORK, { name, what: `keeps its link down: ${verdict.summary}` });
}
