/** What the CLI asks of a running supervisor, and how each request comes to its answer. */
import { type CodedEvent, VmgateError } from '../core/coded.ts';
import type { Outcome } from '../core/gate/effects.ts';
import type { GateEvent } from '../core/gate/events.ts';
import { isProven } from '../core/gate/state.ts';
import { monotonicMs } from '../host/index.ts';
import { errors, events } from './codes.ts';
import { dialWork, reachWork } from './dial.ts';
import type { GateLoop } from './loop.ts';
import { connectOut } from './outward.ts';
import { whereToBegin } from './portal.ts';
import type { Request } from './protocol.ts';
import { notVerified, refusal } from './refusal.ts';
import { sendScreenshot } from './screenshot.ts';
import type { Exchange } from './server.ts';
import type { SignIn } from './sign-in.ts';
import { statusOf } from './status.ts';
import { configOf } from './work.ts';
import type { World } from './world.ts';

export class Requests {
  readonly #world: World;
  readonly #loop: GateLoop;
  readonly #ignoredEnvironment: readonly string[];
  readonly #unwritten: () => number;
  readonly #listeners = new Set<(event: CodedEvent) => void>();
  readonly #pending = new Map<number, (outcome: Outcome) => void>();
  #last = 0;
  #isOver = false;
  readonly #began = new Date().toISOString();
  #since = this.#began;
  #lastEvent: CodedEvent | undefined;

  /** `unwritten`: events that the journal could not take. */
  constructor(world: World, loop: GateLoop, ignoredEnvironment: readonly string[], unwritten: () => number) {
    this.#world = world;
    this.#loop = loop;
    this.#ignoredEnvironment = ignoredEnvironment;
    this.#unwritten = unwritten;
  }

  /** Passes an event on to whoever listens. `isNews`: it says something that an earlier one did not. */
  observe(event: CodedEvent, isNews: boolean): void {
    if (isNews) this.#lastEvent = event;
    if (event.code === events.GATE_PHASE.code) this.#since = event.at;
    for (const listener of this.#listeners) listener(event);
  }

  answer(to: readonly number[], outcome: Outcome): void {
    for (const request of to) this.#pending.get(request)?.(outcome);
  }

  /** The supervisor ends: nobody is left waiting. */
  close(): void {
    this.#isOver = true;
    this.answer([...this.#pending.keys()], { ok: false, because: { kind: 'cancelled' } });
  }

  /** SIGTERM: as `down`, for nobody in particular. */
  stop(): void {
    if (!this.#isOver) this.#loop.post({ type: 'down', request: ++this.#last });
  }

  async handle(request: Request, exchange: Exchange): Promise<unknown> {
    switch (request.verb) {
      case 'up':
        return this.#up(request, exchange);
      case 'down':
        return this.#ask(exchange, 'down', (id) => ({ type: 'down', request: id }));
      case 'start':
        return this.#start(request, exchange);
      case 'stop':
        this.#mustKnow(request.name);
        return this.#ask(exchange, request.name, (id) => ({ ...request, type: 'stop', request: id }));
      case 'status':
        return this.#status();
      case 'verify':
        return this.#verify(exchange);
      case 'watch':
        return this.#listening(exchange, () => exchange.gone);
      case 'logs':
        return { gateway: await this.#world.session?.control.logs() };
      case 'screenshot':
        this.#mustKnow(request.name);
        return sendScreenshot(this.#world, request.name, exchange);
      case 'dial':
        this.#mustReach(request.name);
        return dialWork(this.#world, request.name, request.port, exchange);
      case 'reach':
        this.#mustReach(request.name);
        return this.#whileOpen((signal) => reachWork(this.#world, request, exchange, signal));
      case 'connect':
        return this.#whileOpen((signal) => connectOut(this.#world, request, exchange, signal));
      case 'proxy':
        this.#mustBeOpen();
        this.#world.outlets.hold(exchange.gone);
        this.#world.outlets.listen(exchange.gone);
        return this.#listening(exchange, () => exchange.gone);
      case 'portal':
        return this.#portal(request, exchange);
      case 'portal-connect':
        return this.#signIn().connect(request, exchange);
      case 'portal-allow':
        return { addresses: await this.#signIn().allow(request.host, 'person') };
      case 'forward':
        return this.#forward(request.name, exchange);
    }
  }

  async #up({ config, digest, code }: Extract<Request, { verb: 'up' }>, exchange: Exchange): Promise<unknown> {
    const world = this.#world;
    if (config !== world.configPath) {
      const payload = { gate: world.gate, running: world.configPath, asked: config };
      throw VmgateError.of(errors.GATE_OTHER_CONFIG, payload);
    }
    world.confirmed = digest;
    if (code !== undefined) world.code = code;
    const configChanged = world.config !== undefined && world.config.digest !== digest;
    await this.#ask(exchange, 'up', (id) => ({ type: 'up', request: id, configChanged }));
    return this.#status();
  }

  /** Let through until the client is gone, the portal is, or the gate closes for whatever reason. */
  async #portal({ url, allow }: Extract<Request, { verb: 'portal' }>, exchange: Exchange): Promise<unknown> {
    const start = whereToBegin(this.#world, url);
    await this.#ask(exchange, 'portal', (id) => ({ type: 'signIn', request: id }));
    const signIn = this.#signIn();
    try {
      return await this.#listening(exchange, async () => ({ how: await signIn.run(start, allow, exchange.gone) }));
    } finally {
      this.#loop.post(signIn.over);
    }
  }

  /** @throws PORTAL_NO_SIGN_IN */
  #signIn(): SignIn {
    const { signIn } = this.#world;
    const { phase, pinned, reason } = this.#loop.state;
    if (phase === 'sign-in' && pinned && signIn !== undefined) return signIn;
    throw refusal(this.#world.gate, 'portal', { kind: 'noSignIn', phase, reason });
  }

  /** One that runs and keeps what it writes does not stop doing so: its overlay is in use. */
  async #start({ name, disposable = false }: Extract<Request, { verb: 'start' }>, exchange: Exchange): Promise<object> {
    configOf(this.#world, name);
    const wishes = this.#world.disposable;
    const { status = 'stopped' } = this.#loop.state.work[name] ?? {};
    if (status === 'stopped' && disposable) wishes.add(name);
    if (status === 'stopped' && !disposable) wishes.delete(name);
    if (disposable && !wishes.has(name)) throw VmgateError.of(errors.GATE_WORK_KEEPS, { name });
    const { already } = await this.#ask(exchange, name, (id) => ({
      type: 'start',
      request: id,
      name,
      nowMs: monotonicMs(),
    }));
    return { already, ...(wishes.has(name) ? { disposable: true } : {}) };
  }

  /** Posts the request's event and waits for its `reply`, passing on every event meanwhile. */
  async #ask(exchange: Exchange, what: string, event: (id: number) => GateEvent): Promise<{ already: boolean }> {
    // The gate is down for good: what still comes in is for the next supervisor.
    if (this.#isOver) throw refusal(this.#world.gate, what, { kind: 'cancelled' });
    const id = ++this.#last;
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
      began: this.#began,
      since: this.#since,
      lastEvent: this.#lastEvent,
      ignoredEnvironment: this.#ignoredEnvironment,
      unwrittenEvents: this.#unwritten(),
    };
    return statusOf(this.#world, this.#loop.state, standing);
  }

  /** Asks for a full verification now and waits for the next set of verdicts. */
  async #verify(exchange: Exchange): Promise<unknown> {
    const before = this.#loop.state;
    if (before.phase !== 'open') throw notVerified(this.#world.gate, before.phase, before.reason);
    await this.#listening(exchange, async () => {
      this.#loop.post({ type: 'recheck' });
      while (this.#loop.state.phase === 'open' && this.#loop.state.verdicts === before.verdicts) {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    });
    const { phase, verdicts, receipt } = this.#loop.state;
    return { open: phase === 'open', verdicts, claim: receipt?.claim ?? null };
  }

  /** Ends with the client, or with the VM. */
  async #forward(name: string, exchange: Exchange): Promise<undefined> {
    this.#mustReach(name);
    this.#world.outlets.listen(exchange.gone);
    const ended = this.#world.works.get(name)?.ended.then(() => 'ended' as const);
    const how = await this.#listening(exchange, () => Promise.race([exchange.gone, ended]));
    if (how === 'ended') throw VmgateError.of(errors.GATE_WORK_NOT_RUNNING, { name });
  }

  /** What the gate's close cuts short is refused as if the close had come first. */
  async #whileOpen(act: (signal: AbortSignal) => Promise<void>): Promise<void> {
    this.#mustBeOpen();
    const { signal } = this.#world.attempt;
    try {
      await act(signal);
    } catch (cause) {
      if (signal.aborted) this.#mustBeOpen();
      throw cause;
    }
  }

  /** @throws GATE_NOT_VERIFIED */
  #mustBeOpen(): void {
    const { state } = this.#loop;
    if (!isProven(state, monotonicMs())) throw notVerified(this.#world.gate, state.phase, state.reason);
  }

  /** @throws GATE_UNKNOWN_VM, GATE_WORK_NOT_RUNNING, GATE_NOT_VERIFIED */
  #mustReach(name: string): void {
    this.#mustKnow(name);
    if (!this.#world.works.has(name)) throw VmgateError.of(errors.GATE_WORK_NOT_RUNNING, { name });
    const { phase, reason, work } = this.#loop.state;
    if (work[name]?.admitted !== true) throw notVerified(this.#world.gate, phase, reason);
  }

  /** Names of the configuration, and of VMs that left it while they ran. */
  #mustKnow(name: string): void {
    if (this.#loop.state.work[name] === undefined) configOf(this.#world, name);
  }
}
