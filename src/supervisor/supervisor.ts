/** One gate's supervisor: owns its lock, its socket, its event queue; answers the CLI. It decides nothing. */
import { rmSync } from 'node:fs';
import type { Server } from 'node:net';
import path from 'node:path';
import { loadConfig } from '../config/index.ts';
import { type CodedEvent, VmgateError } from '../core/coded.ts';
import type { Effect, Outcome } from '../core/gate/effects.ts';
import type { GateEvent } from '../core/gate/events.ts';
import { initialState } from '../core/gate/state.ts';
import type { GatewayHost, WorkHost } from '../drivers/index.ts';
import { acquireLock, type GateLayout, type HomeLayout, Journal, type Lock } from '../home/index.ts';
import { monotonicMs } from '../host/index.ts';
import type { LabPass } from '../lab/pass.ts';
import { checkRunners } from './checks.ts';
import { closingRunners } from './closing.ts';
import { errors, events } from './codes.ts';
import { connectRunners } from './connect.ts';
import { GateLoop } from './loop.ts';
import type { Request } from './protocol.ts';
import { receiptRunners } from './receipts.ts';
import { notVerified, refusal } from './refusal.ts';
import { type Exchange, serve } from './server.ts';
import { endSession, sessionOf, sessionRunners } from './session.ts';
import { describeReason, statusOf } from './status.ts';
import { configOf, keep, workRunners } from './work.ts';
import { emitter, type World } from './world.ts';

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
}

/** The heartbeat that pushes the guard's deadline. */
const TICK_MS = 1_000;

export class Supervisor {
  /** Resolves when the supervisor has nothing left to do. */
  readonly done: Promise<void>;
  readonly #world: World;
  readonly #loop: GateLoop;
  readonly #lock: Lock;
  readonly #journal: Journal;
  readonly #listeners = new Set<(event: CodedEvent) => void>();
  readonly #pending = new Map<number, (outcome: Outcome) => void>();
  readonly #ignoredEnvironment: readonly string[];
  readonly #finish: () => void;
  #server: Server | undefined;
  #ticking: NodeJS.Timeout | undefined;
  #requests = 0;
  #since = new Date().toISOString();
  #lastEvent: CodedEvent | undefined;

  private constructor(options: SupervisorOptions, lock: Lock) {
    this.#lock = lock;
    this.#journal = new Journal(options.layout.journal);
    this.#ignoredEnvironment = options.ignoredEnvironment;
    let finish = () => {};
    this.done = new Promise((resolve) => {
      finish = resolve;
    });
    this.#finish = finish;
    this.#world = {
      ...options,
      lab: options.lab,
      emit: emitter((event) => this.#record(event)),
      config: undefined,
      session: undefined,
      booting: undefined,
      connection: undefined,
      probe: undefined,
      works: new Map(),
    };
    this.#loop = this.#makeLoop();
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
        supervisor.#handle(request, exchange),
      );
      supervisor.#ticking = setInterval(() => supervisor.#loop.post({ type: 'tick' }), TICK_MS);
      return supervisor;
    } catch (cause) {
      lock.release();
      throw cause;
    }
  }

  async #takeOver(): Promise<void> {
    const world = this.#world;
    await world.gatewayHost.reap(world.layout.run);
    const loaded = loadConfig(path.dirname(world.configPath), world.home.root);
    world.config = loaded;
    this.#loop.post({ type: 'configured', workVms: loaded.config.work.map(({ name }) => name) });
    for (const { name } of loaded.config.work) {
      const work = await world.workHost.adopt({ name, folder: world.layout.work(name) });
      if (work === undefined) continue;
      keep(world, name, work, (ended) => this.#loop.post({ type: 'workEnded', name: ended }));
      world.emit(events.GATE_WORK, { name, what: 'adopted: it kept running, its link is down' });
      this.#loop.post({ type: 'adopted', name });
    }
  }

  #makeLoop(): GateLoop {
    const world = this.#world;
    const post = (event: GateEvent) => this.#loop.post(event);
    return new GateLoop(
      initialState([]),
      {
        ...sessionRunners(world, post),
        ...connectRunners(world),
        ...checkRunners(world),
        ...closingRunners(world),
        ...receiptRunners(world),
        ...workRunners(world, (name) => post({ type: 'workEnded', name })),
        timer: ({ name, ms, generation }) => {
          // Up to a tenth of jitter: gates that lost one network do not come back in step.
          setTimeout(() => post({ type: 'timer', name, generation }), ms * (1 + Math.random() / 10));
          return undefined;
        },
        announce: ({ phase, reason }) => {
          this.#since = new Date().toISOString();
          world.emit(events.GATE_PHASE, { gate: world.gate, phase, why: describeReason(reason) });
          return undefined;
        },
        reply: ({ to, outcome }) => {
          for (const request of to) this.#pending.get(request)?.(outcome);
          return undefined;
        },
        exit: () => {
          void this.#end();
          return undefined;
        },
      },
      (effect: Effect, fault: VmgateError) =>
        world.emit(events.GATE_UNEXPECTED, { effect: effect.do, code: fault.code, what: fault.what }),
    );
  }

  #record(event: CodedEvent): void {
    this.#lastEvent = event;
    this.#journal.append(event);
    for (const listener of this.#listeners) listener(event);
  }

  async #handle(request: Request, exchange: Exchange): Promise<unknown> {
    switch (request.verb) {
      case 'up':
        return this.#up(request, exchange);
      case 'down':
        return this.#ask(exchange, 'down', (id) => ({ type: 'down', request: id }));
      case 'start':
        configOf(this.#world, request.name);
        return this.#ask(exchange, request.name, (id) => ({
          type: 'start',
          request: id,
          name: request.name,
          nowMs: monotonicMs(),
        }));
      case 'stop':
        configOf(this.#world, request.name);
        return this.#ask(exchange, request.name, (id) => ({ ...request, type: 'stop', request: id }));
      case 'status':
        return this.#status();
      case 'verify':
        return this.#verify(exchange);
      case 'watch':
        return this.#listening(exchange, () => exchange.gone);
      case 'logs':
        return { gateway: await this.#world.session?.control.logs() };
      case 'dial':
        return this.#dial(request, exchange);
    }
  }

  async #up({ config, digest }: Extract<Request, { verb: 'up' }>, exchange: Exchange): Promise<unknown> {
    const world = this.#world;
    if (config !== world.configPath) {
      const payload = { gate: world.gate, running: world.configPath, asked: config };
      throw VmgateError.of(errors.GATE_OTHER_CONFIG, payload);
    }
    const configChanged = world.session !== undefined && world.session.config.digest !== digest;
    await this.#ask(exchange, 'up', (id) => ({ type: 'up', request: id, configChanged }));
    return this.#status();
  }

  /** Posts the request's event and waits for its `reply`, passing on every event meanwhile. */
  async #ask(exchange: Exchange, what: string, event: (id: number) => GateEvent): Promise<unknown> {
    const id = ++this.#requests;
    const outcome = await this.#listening(exchange, () => {
      const answered = new Promise<Outcome>((resolve) => this.#pending.set(id, resolve));
      this.#loop.post(event(id));
      return answered;
    });
    this.#pending.delete(id);
    if (!outcome.ok) throw refusal(this.#world.gate, what, outcome.because);
    return { already: outcome.already };
  }

  async #listening<T>(exchange: Exchange, act: () => Promise<T>): Promise<T> {
    this.#listeners.add(exchange.event);
    try {
      return await act();
    } finally {
      this.#listeners.delete(exchange.event);
    }
  }

  #status() {
    const standing = {
      since: this.#since,
      lastEvent: this.#lastEvent,
      ignoredEnvironment: this.#ignoredEnvironment,
    };
    return statusOf(this.#world, this.#loop.state, standing);
  }

  /** Asks for a full verification now and waits for the next set of verdicts. */
  async #verify(exchange: Exchange): Promise<unknown> {
    const before = this.#loop.state;
    if (before.phase !== 'open') throw notVerified(this.#world.gate, before.phase, before.reason);
    await this.#listening(exchange, async () => {
      this.#loop.post({ type: 'timer', name: 'reverify', generation: before.generation });
      while (this.#loop.state.phase === 'open' && this.#loop.state.verdicts === before.verdicts) {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    });
    const { phase, verdicts, receipt } = this.#loop.state;
    return { open: phase === 'open', verdicts, claim: receipt?.claim ?? null };
  }

  async #dial({ name, port }: Extract<Request, { verb: 'dial' }>, exchange: Exchange): Promise<unknown> {
    configOf(this.#world, name);
    if (!this.#world.works.has(name)) throw VmgateError.of(errors.GATE_WORK_NOT_RUNNING, { name });
    const { phase, reason } = this.#loop.state;
    if (this.#loop.state.work[name]?.admitted !== true) throw notVerified(this.#world.gate, phase, reason);
    const { plan, control } = sessionOf(this.#world);
    const link = plan.work.find(({ workVm }) => workVm === name);
    if (link === undefined) throw VmgateError.of(errors.GATE_WORK_NOT_RUNNING, { name });
    const remote = await control.dial(link.guest, port);
    const local = exchange.raw(null);
    local.pipe(remote).pipe(local);
    remote.on('error', () => local.destroy());
    remote.on('close', () => local.destroy());
    local.on('close', () => remote.destroy());
    return undefined;
  }

  /** SIGTERM: as `down`, for nobody in particular. */
  stop(): void {
    this.#loop.post({ type: 'down', request: ++this.#requests });
  }

  async #end(): Promise<void> {
    clearInterval(this.#ticking);
    await endSession(this.#world);
    rmSync(this.#world.layout.socket, { force: true });
    this.#server?.close();
    this.#journal.close();
    this.#lock.release();
    this.#finish();
  }
}
