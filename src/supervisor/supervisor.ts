/** One gate's supervisor: owns its lock, its socket, its event queue; answers the CLI. It decides nothing. */
import { setTimeout as delay } from 'node:timers/promises';
import type { CodedEvent, VmgateError } from '../core/coded.ts';
import type { Effect } from '../core/gate/effects.ts';
import type { GateEvent } from '../core/gate/events.ts';
import { initialState } from '../core/gate/state.ts';
import type { GatewayHost, WorkHost } from '../drivers/index.ts';
import { openControl } from '../gateway/index.ts';
import { startGuard } from '../guard/index.ts';
import { acquireLock, type GateLayout, type HomeLayout, type Lock } from '../home/index.ts';
import { hostPlatform, monotonicMs, type Notify } from '../host/index.ts';
import type { LabPass } from '../lab/pass.ts';
import { verifyGate } from '../verify/index.ts';
import { checkRunners } from './checks.ts';
import { closingRunners } from './closing.ts';
import { errors, events } from './codes.ts';
import { connectRunners } from './connect.ts';
import { GateRecord } from './gate-record.ts';
import { Herald } from './herald.ts';
import { Lane } from './lane.ts';
import { GateLoop } from './loop.ts';
import { Meter } from './meter.ts';
import { Outlets } from './outlets.ts';
import { portalRunners } from './portal.ts';
import { receiptRunners } from './receipts.ts';
import { Requests } from './requests.ts';
import { heard, machineSenses, type Senses } from './senses.ts';
import { type RequestServer, serve } from './server.ts';
import { endSession, sessionRunners } from './session.ts';
import { describeReason } from './status.ts';
import { takeOver } from './take-over.ts';
import { uplinkRunners } from './uplink.ts';
import { workRunners } from './work.ts';
import { emitter, type GatewayParts, type World } from './world.ts';

export interface SupervisorOptions {
  readonly gate: string;
  readonly home: HomeLayout;
  readonly layout: GateLayout;
  readonly gatewayHost: GatewayHost;
  readonly workHost: WorkHost;
  /** The vmgate.yaml this gate runs from. */
  readonly configPath: string;
  readonly ignoredEnvironment: readonly string[];
  readonly lab?: LabPass;
  /** Shows a notification on the user's desktop; nothing is shown unless said. */
  readonly notify?: Notify;
  /** Unless said, the real ones. */
  readonly parts?: GatewayParts;
  /** Unless said, those of this machine. */
  readonly senses?: Senses;
}

/** The heartbeat that pushes the guard's deadline. */
const TICK_MS = 1_000;
const PATIENCE_MS = 5_000;

export class Supervisor {
  /** Resolves when the supervisor has nothing left to do. */
  readonly done: Promise<void>;
  readonly #world: World;
  readonly #loop: GateLoop;
  readonly #lock: Lock;
  readonly #record: GateRecord;
  readonly #requests: Requests;
  readonly #senses: Senses;
  readonly #finish: () => void;
  #server: RequestServer | undefined;
  #ticking: NodeJS.Timeout | undefined;
  #isOver = false;

  private constructor(options: SupervisorOptions, lock: Lock) {
    this.#lock = lock;
    const meter = new Meter();
    this.#record = new GateRecord(options.layout, meter, this.#makeHerald(options.notify));
    let finish = () => {};
    this.done = new Promise((resolve) => {
      finish = resolve;
    });
    this.#finish = finish;
    this.#world = {
      ...options,
      lab: options.lab,
      arch: options.lab?.arch ?? hostPlatform().arch,
      emit: emitter((event) => this.record(event)),
      record: (event) => this.record(event),
      config: undefined,
      confirmed: undefined,
      session: undefined,
      lifecycle: new Lane(),
      receipts: new Lane(),
      booting: new AbortController(),
      attempt: new AbortController(),
      starting: new Map(),
      disposable: new Set(),
      outlets: new Outlets(),
      parts: options.parts ?? { openControl, startGuard, verifyGate },
      connection: undefined,
      code: undefined,
      servers: 0,
      portal: undefined,
      signIn: undefined,
      network: undefined,
      offered: undefined,
      probe: undefined,
      lastProfile: undefined,
      tunnelsUsed: new Set(),
      meter,
      works: new Map(),
    };
    this.#senses = options.senses ?? machineSenses();
    this.#loop = this.#makeLoop();
    this.#requests = new Requests(this.#world, this.#loop, options.ignoredEnvironment, () => this.#record.dropped);
  }

  /**
   * Takes the gate: lock, leftovers of an earlier supervisor, work VMs that kept running, then the socket.
   *
   * @throws HOME_LOCKED when another supervisor has it
   */
  static async start(options: SupervisorOptions): Promise<Supervisor> {
    const lock = await acquireLock(options.layout.lock);
    const supervisor = new Supervisor(options, lock);
    try {
      await supervisor.#takeOver();
      supervisor.#server = await serve(options.layout.socket, (request, exchange) =>
        supervisor.#requests.handle(request, exchange),
      );
      supervisor.#ticking = setInterval(() => supervisor.#tick(), TICK_MS);
      supervisor.#sense();
      return supervisor;
    } catch (cause) {
      // Whoever takes the gate next must find its VMs with nobody talking to them.
      for (const work of supervisor.#world.works.values()) work.release();
      supervisor.#record.close();
      lock.release();
      throw cause;
    }
  }

  #tick(): void {
    this.#loop.post({ type: 'tick', nowMs: monotonicMs() });
    this.#record.tick();
  }

  /** A lab's gate opens and closes for tests and drills: nobody's desktop has to hear of it. */
  #makeHerald(notify: Notify = () => Promise.resolve(undefined)): Herald {
    const show: Notify = (notification) => {
      const { config, lab } = this.#world;
      return lab !== undefined || config?.config.notify === false ? Promise.resolve(undefined) : notify(notification);
    };
    return new Herald(show, (why) => this.#world.emit(events.GATE_NOTIFICATION_NOT_SHOWN, { why }));
  }

  #takeOver(): Promise<void> {
    return takeOver(
      this.#world,
      (event) => this.#loop.post(event),
      (name, fault) => this.#loop.post({ type: 'workEnded', name, fault }),
    );
  }

  #sense(): void {
    const world = this.#world;
    world.network = this.#senses.watchNetwork(world, (notice) => this.#loop.post(heard(world, notice)));
  }

  #makeLoop(): GateLoop {
    const world = this.#world;
    const post = (event: GateEvent) => this.#loop.post(event);
    return new GateLoop(
      initialState([]),
      {
        ...sessionRunners(world, post),
        ...uplinkRunners(world),
        ...connectRunners(world),
        ...portalRunners(world),
        ...checkRunners(world),
        ...closingRunners(world),
        ...receiptRunners(world),
        ...workRunners(world, (name, fault) => post({ type: 'workEnded', name, fault })),
        timer: ({ name, ms, generation }) => {
          // Up to a tenth of jitter: gates that lost one network do not come back in step.
          // None keeps a supervisor alive that has ended.
          setTimeout(() => post({ type: 'timer', name, generation }), ms * (1 + Math.random() / 10)).unref();
          return undefined;
        },
        announce: ({ phase, reason, claim }) => {
          const about = claim === undefined ? {} : { claim };
          world.emit(events.GATE_PHASE, { gate: world.gate, phase, why: describeReason(reason), ...about });
          return undefined;
        },
        reply: ({ to, outcome }) => {
          this.#requests.answer(to, outcome);
          return undefined;
        },
        exit: () => {
          void this.#end();
          return undefined;
        },
      },
      (effect: Effect, fault: VmgateError) => {
        if (fault.code === errors.GATE_CANCELLED.code) return;
        world.emit(events.GATE_UNEXPECTED, { effect: effect.do, code: fault.code, what: fault.what });
      },
      world.lab?.onEffect,
      this.#senses.timeLost,
    );
  }

  /** Journals an event and tells whoever watches. */
  record(event: CodedEvent): void {
    // The journal is closed then.
    if (this.#isOver) return;
    this.#requests.observe(event, this.#record.take(event));
  }

  /** SIGTERM: as `down`, for nobody in particular. */
  stop(): void {
    this.#requests.stop();
  }

  async #end(): Promise<void> {
    clearInterval(this.#ticking);
    this.#world.network?.close();
    this.#requests.close();
    // A hypervisor that does not let go keeps nobody waiting: the next supervisor reaps what it finds.
    const ended = Promise.all([endSession(this.#world), this.#world.receipts.run(async () => undefined)]);
    await Promise.race([ended, delay(PATIENCE_MS, undefined, { ref: false })]).catch(() => undefined);
    await this.#server?.close();
    this.#isOver = true;
    this.#record.close();
    this.#lock.release();
    this.#finish();
  }
}
