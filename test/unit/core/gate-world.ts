/**
 * A gate's surroundings in memory: virtual clock, guard, gateway, work VMs, clients. Each effect of the machine may fail,
 * hang until its deadline, be late or answer twice; after each step the world says what must never be.
 */
import type { Effect } from '../../../src/core/gate/effects.ts';
import type { GateEvent } from '../../../src/core/gate/events.ts';
import { CLOSE_STEPS, type GateState, initialState } from '../../../src/core/gate/state.ts';
import { GATE_CHECKS } from '../../../src/core/verdict.ts';
import { answerTo } from './gate-answers.ts';
import { ARMED, isPast, isRechecked, lossesFollow, policyOf } from './gate-judgement.ts';
import type { StepFunction } from './gate-mutants.ts';
import { Broken, type Promised } from './gate-promises.ts';

export type Chance = () => number;

const NAMES = ['a', 'b'];

/** Guard and gateway hold another policy. */
const LOADED = ['dhcpAdmitted', 'pinned', 'portalAdmitted'] as const;

function isLoaded(event: GateEvent): event is Extract<GateEvent, { type: (typeof LOADED)[number] }> {
  return LOADED.some((type) => type === event.type);
}

function isCloseStep(name: string): boolean {
  return (CLOSE_STEPS as readonly string[]).includes(name);
}

const DEADLINE_MS = 5_000;
const ARM_MS = 4_500;
/** Their runners give up before the deadline, or take turns and know their process: never late, never twice. */
const ONCE: ReadonlySet<Effect['do']> = new Set(['raiseWork', 'killGateway', 'stopWork']);
const fault = (exit: 4 | 5) => ({ code: 'X', exit, what: 'x', evidence: [], remedy: '', payload: null }) as const;

/** Called millions of times: jest looks a global up through its sandbox each time, which costs more than the rest. */
const { imul } = Math;

/** mulberry32: a whole schedule from one number. */
export function chanceOf(seed: number): Chance {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

interface Due {
  readonly at: number;
  readonly happen: () => GateEvent | undefined;
}

interface Vm {
  process: boolean;
  link: boolean;
  /** Lowering it failed since it was raised: the gateway dies for it. */
  stuck: boolean;
  /** The order to lower it is given: a second raise of one start came after the first one failed. */
  isLowering: boolean;
  definedIn: number;
}

export class GateWorld {
  state: GateState;
  /** Chance of a fault for each effect; 0 lets everything succeed. */
  trouble = 0.25;
  isOver = false;
  readonly #waiting = new Set<number>();
  readonly #step: StepFunction;
  readonly #chance: Chance;
  /** Whether the network gives addresses. */
  readonly #dhcp: boolean;
  readonly #due: Due[] = [];
  readonly #vms = new Map(
    NAMES.map((name) => [name, { process: false, link: false, stuck: false, isLowering: false, definedIn: -1 } as Vm]),
  );
  readonly #leases = new Set<string>();
  /** Of the close under way, or the last one. */
  #closing: { readonly ordered: string[]; failed: boolean } = { ordered: [], failed: false };
  #now = 0;
  #requests = 0;
  #armedUntil = 0;
  #gateway = false;
  #bootedIn = -1;
  #receipt = false;
  /** Counts closes: what was begun in an earlier attempt changes nothing in the world any more. */
  #attempt = 0;
  #verifiedIn = -1;
  /** A sensor told in that generation that what it stood on is gone. */
  #shakenIn = -1;
  /** What the guard holds: a policy of that generation, and the lowest generation that may arm it. */
  #loadedIn = -1;
  #isFor: ReturnType<typeof policyOf> = 'endpoint';
  #lowest = 0;
  #armedIn = -1;
  #leasedFor = new Set<string>();
  #violated = false;

  constructor(machine: StepFunction, chance: Chance) {
    this.#step = machine;
    this.#chance = chance;
    this.#dhcp = chance() < 0.3;
    const wanted = chance();
    const onLoss = wanted < 0.4 ? { a: 'pause' as const } : wanted < 0.6 ? { b: 'stop' as const } : {};
    this.state = { ...initialState(NAMES), onLoss };
  }

  /** Wanted, and nothing is under way. */
  get isStuck(): boolean {
    const { phase, wanted } = this.state;
    return this.isIdle && wanted && phase !== 'violated' && !this.isOver;
  }

  /** Requests that nobody answered yet. */
  get waiting(): number {
    return this.#waiting.size;
  }

  get isIdle(): boolean {
    return this.#due.length === 0;
  }

  /** The next thing that is due, or something out of the blue. */
  advance(): void {
    let first = 0;
    for (let at = 1; at < this.#due.length; at += 1) {
      if ((this.#due[at]?.at ?? 0) < (this.#due[first]?.at ?? 0)) first = at;
    }
    const [next] = this.#due.splice(first, 1);
    if (next === undefined) return;
    if (next.at > this.#now) this.#now = next.at;
    const event = next.happen();
    if (event !== undefined) this.post(event);
    if (!this.isOver && this.#chance() < 0.2) this.post({ type: 'tick', nowMs: this.#now });
  }

  surprise(): void {
    const pick = this.#chance();
    const name = this.#chance() < 0.5 ? 'a' : 'b';
    const vm = this.#vm(name);
    if (pick < 0.25) this.request((request) => ({ type: 'up', request, configChanged: this.#chance() < 0.15 }));
    else if (pick < 0.3) this.request((request) => ({ type: 'down', request }));
    else if (pick < 0.65) this.request((request) => ({ type: 'start', request, name, nowMs: this.#now }));
    else if (pick < 0.75) this.request((request) => ({ type: 'stop', request, name, force: this.#chance() < 0.3 }));
    else if (pick < 0.78) this.post({ type: 'violation', fault: fault(4) });
    else if (pick < 0.82) this.post({ type: 'shaken', fault: fault(4) });
    else if (pick < 0.84) this.post({ type: 'recheck' });
    else if (pick < 0.86) this.request((request) => ({ type: 'signIn', request }));
    else if (pick < 0.87) this.post({ type: 'signInOver', generation: this.state.generation });
    else if (pick < 0.9) this.post({ type: 'partLost', generation: this.state.generation, fault: fault(5) });
    else if (vm.process && this.state.work[name]?.status === 'running') {
      this.#end(vm);
      this.post({ type: 'workEnded', name });
    }
  }

  request(make: (request: number) => GateEvent): number {
    const request = ++this.#requests;
    this.#waiting.add(request);
    this.post(make(request));
    return request;
  }

  post(event: GateEvent): void {
    if (this.isOver) return;
    const before = this.state;
    if (event.type === 'violation' && !['down', 'violated', 'stopping'].includes(before.phase)) this.#violated = true;
    if (event.type === 'up' && before.phase === 'violated') this.#violated = false;
    if (event.type === 'judged' && event.generation === before.generation) {
      const whole = GATE_CHECKS.every(
        (check) => event.verdicts.find((found) => found.check === check)?.outcome === 'verified',
      );
      this.#verifiedIn = whole && event.claim !== undefined ? event.generation : -1;
    }
    if (
      event.type === 'pulsed' &&
      event.generation === before.generation &&
      event.verdicts.some(({ outcome }) => outcome !== 'verified')
    )
      this.#verifiedIn = -1;
    if (isLoaded(event)) this.#load(event);
    if (event.type === 'defined' && event.verdict.outcome === 'verified') this.#judged(event.name, event.generation);
    const [after, effects] = this.#step(before, event);
    this.state = after;
    if (event.type === 'shaken' && ARMED.includes(before.phase)) this.#shakenIn = before.generation;
    const turn = { before, event, after, effects };
    this.#must('loss', lossesFollow(turn), 'a work VM runs on');
    this.#must('rechecked', isRechecked(turn), `no verification follows ${event.type}`);
    this.#must('receipt', after.phase !== 'open' || !isPast(turn), 'open past the receipt');
    this.#mustAnswerTo(event, before, effects);
    if (before.phase !== 'closing' && after.phase === 'closing') this.#mustCloseInOrder(effects);
    if (before.phase === 'closing' && after.phase !== 'closing') this.#mustHaveClosed();
    for (const effect of effects) this.#do(effect);
    this.#mustHold();
  }

  #mustCloseInOrder(effects: readonly Effect[]): void {
    this.#closing = { ordered: [], failed: false };
    const order = effects
      .map((effect) => effect.do)
      .filter((name) => !['reply', 'announce', 'stopWork'].includes(name));
    this.#must('order', order.join() === 'disarmGuard,revokeReceipt,dropLeases', `closing begins with ${order.join()}`);
  }

  #mustHaveClosed(): void {
    const { ordered, failed } = this.#closing;
    this.#must('order', ordered.join() === CLOSE_STEPS.join(), `closed after ${ordered.join()}`);
    this.#must('order', !failed || !this.#gateway, 'the gateway outlives a step that failed');
  }

  /** Late news may close, and nothing else; a receipt past its time serves no start. */
  #mustAnswerTo(event: GateEvent, before: GateState, effects: readonly Effect[]): void {
    if ('generation' in event && event.generation !== before.generation && event.type !== 'partLost')
      this.#must(
        'stale',
        this.state === before || this.state.phase === 'closing',
        `${event.type} of an older generation`,
      );
    if (event.type === 'start' && !(event.nowMs < (before.receipt?.expiresMs ?? 0)))
      this.#must('receipt', !effects.some((effect) => 'name' in effect), 'a start past the receipt');
  }

  #do(effect: Effect): void {
    this.#mustBeAllowed(effect);
    if (isCloseStep(effect.do)) this.#closing.ordered.push(effect.do);
    switch (effect.do) {
      case 'armGuard':
        this.#armedUntil = this.#now + ARM_MS;
        this.#armedIn = effect.generation;
        return;
      case 'disarmGuard':
        this.#disarm();
        this.#attempt += 1;
        this.#leasedFor.clear();
        return;
      case 'revokeReceipt':
        this.#receipt = false;
        return;
      case 'reply':
        for (const request of effect.to)
          this.#must('answered', this.#waiting.delete(request), `request ${request} is answered twice`);
        return;
      case 'announce':
        return;
      case 'exit':
        this.isOver = true;
        return;
      case 'timer':
        this.#later(effect.ms, () => ({ type: 'timer', name: effect.name, generation: effect.generation }));
        return;
      case 'lowerLink':
        this.#vm(effect.name).isLowering = true;
        this.#run(effect);
        return;
      default:
        this.#run(effect);
    }
  }

  /** A runner: acts in the world if its attempt is still the current one, then answers, or does one of these badly. */
  #run(effect: Effect): void {
    const attempt = this.#attempt;
    const act = () => this.#act(effect, attempt);
    const failed = (exit: 4 | 5) => () => ({ type: 'failed', effect, fault: fault(exit) }) as const;
    const soon = 1 + this.#chance() * 400;
    if (this.#chance() >= this.trouble) {
      this.#later(soon, act);
      if (this.trouble > 0 && !ONCE.has(effect.do) && this.#chance() < 0.05)
        this.#later(soon + this.#chance() * 3_000, () => this.#answer(effect));
      return;
    }
    const how = this.#chance();
    this.#later(how < 0.5 ? soon : DEADLINE_MS, () => {
      if (isCloseStep(effect.do) && 'generation' in effect && effect.generation === this.state.generation)
        this.#closing.failed = true;
      if (effect.do === 'lowerLink') this.#vm(effect.name).isLowering = false;
      if (effect.do === 'lowerLinks') for (const vm of this.#vms.values()) vm.stuck = vm.link;
      if (effect.do === 'raiseWork') this.#vm(effect.name).link = false;
      if (effect.do === 'stopWork') this.#end(this.#vm(effect.name));
      if (effect.do === 'killGateway') this.#gatewayDies(effect.generation);
      return failed(this.#chance() < 0.4 ? 4 : 5)();
    });
    // Late: it happens after all, and nobody is told.
    if (how > 0.8 && !ONCE.has(effect.do)) this.#later(DEADLINE_MS + soon * 10, () => void act());
  }

  #act(effect: Effect, attempt: number): GateEvent | undefined {
    const current = attempt === this.#attempt;
    switch (effect.do) {
      case 'bootGateway':
        if (effect.generation !== this.state.generation) break;
        this.#gateway = true;
        this.#bootedIn = effect.generation;
        break;
      case 'killGateway':
        this.#gatewayDies(effect.generation);
        break;
      case 'lease':
        if (!current || !this.#gateway) break;
        this.#leases.clear();
        for (const name of effect.admitted) {
          this.#leases.add(name);
          this.#leasedFor.add(name);
        }
        break;
      case 'dropLeases':
      case 'flushConntrack':
        this.#leases.clear();
        break;
      case 'lowerLink':
      case 'pauseWork':
        Object.assign(this.#vm(effect.name), { link: false, isLowering: false });
        break;
      case 'lowerLinks':
        for (const vm of this.#vms.values()) vm.link = false;
        break;
      case 'defineWork':
        if (this.state.work[effect.name]?.status === 'defining')
          Object.assign(this.#vm(effect.name), { process: true });
        break;
      case 'judgeWork':
        Object.assign(this.#vm(effect.name), { link: false, stuck: false });
        break;
      case 'raiseWork':
        if (current && this.#vm(effect.name).process) this.#vm(effect.name).link = true;
        break;
      case 'stopWork':
        this.#end(this.#vm(effect.name));
        break;
      case 'writeReceipt':
        if (current) this.#receipt = true;
        break;
      default:
    }
    return this.#answer(effect);
  }

  #answer(effect: Effect): GateEvent | undefined {
    if (effect.do === 'stopWork' && this.state.work[effect.name]?.status !== 'stopping') return undefined;
    return answerTo(effect, {
      dhcp: this.#dhcp,
      outcome: () => (this.#chance() < this.trouble / 6 ? 'unknown' : 'verified'),
      claim: () => (this.#chance() < this.trouble / 20 ? undefined : { kind: 'round-trip' }),
      portal: () => (this.#chance() < this.trouble ? fault(4) : undefined),
      nowMs: this.#now,
      maxAgeMs: 9_000,
      everyMs: 8_000,
    });
  }

  #mustBeAllowed(effect: Effect): void {
    const { phase, generation } = this.state;
    const fresh = phase === 'open' && this.#verifiedIn === generation;
    switch (effect.do) {
      case 'lease':
        this.#must('proven', fresh, 'a lease without fresh verdicts');
        for (const name of effect.admitted) {
          this.#must(
            'defined',
            this.#vm(name).definedIn === generation,
            `a lease for ${name}, not judged in this generation`,
          );
        }
        break;
      case 'defineWork':
        this.#must('proven', fresh, `a process for ${effect.name} without fresh verdicts`);
        break;
      case 'resumeWork':
        this.#must(
          'defined',
          this.#vm(effect.name).definedIn === generation,
          `${effect.name} runs without its verdict`,
        );
        break;
      case 'raiseWork':
        this.#must('proven', fresh, `${effect.name} raised without fresh verdicts`);
        this.#must('leased', this.#leasedFor.has(effect.name), `${effect.name} raised without its lease`);
        this.#must(
          'defined',
          this.#vm(effect.name).definedIn === generation,
          `${effect.name} raised without its verdict`,
        );
        break;
      case 'pauseWork':
        this.#must('loss', !this.#vm(effect.name).link || this.#vm(effect.name).stuck, `${effect.name} on a live wire`);
        break;
      case 'armGuard':
        this.#must('shaken', generation !== this.#shakenIn, 'armed after a sensor spoke');
        this.#must('armed', ARMED.includes(phase), `armed while ${phase}`);
        this.#must('armed', this.#loadedIn === generation, 'armed for a policy of another generation');
        this.#must('armed', this.#isFor === policyOf(phase), `armed for another policy while ${phase}`);
        this.#must(
          'obeyed',
          generation >= this.#lowest,
          `an order of generation ${generation} after one of ${this.#lowest}`,
        );
        break;
      case 'admitPortal':
        this.#must('asked', this.state.signInWaiters.length > 0, 'a portal that nobody asked for');
        break;
      case 'bootGateway':
        this.#must('violated', !this.#violated, 'violated ended by itself');
        break;
      case 'lookForPortal':
        this.#must('looks', phase === 'closed' || phase === 'portal', `a look while ${phase}`);
        break;
      case 'exit':
        this.#must('leftovers', !this.#gateway, 'the gateway outlives the supervisor');
        this.#must(
          'leftovers',
          [...this.#vms.values()].every((vm) => !vm.process),
          'a work VM outlives down',
        );
        break;
      default:
    }
  }

  #mustHold(): void {
    const { phase, work } = this.state;
    if (this.#armedUntil !== 0)
      this.#must('armed', ARMED.includes(phase) && this.#isFor === policyOf(phase), `armed while ${phase}`);
    if (phase === 'open') this.#must('shaken', this.state.generation !== this.#shakenIn, 'open after a sensor spoke');
    if (phase !== 'open') this.#must('receipt', !this.#receipt, `a receipt while ${phase}`);
    const isShut = phase !== 'open' && phase !== 'closing';
    if (isShut) this.#must('shut', this.#leases.size === 0 || !this.#gateway, `leases while ${phase}`);
    for (const [name, vm] of this.#vms) {
      if (isShut) this.#must('shut', !vm.link || vm.stuck || !vm.process, `${name} has its link up while ${phase}`);
      if (vm.link && !vm.stuck && !vm.isLowering && phase === 'open')
        this.#must(
          'shut',
          work[name]?.admitted === true || work[name]?.status === 'stopping',
          `${name} is up, not admitted`,
        );
      this.#must('leftovers', !vm.process || work[name]?.status !== 'stopped', `${name} has a process nobody knows of`);
    }
  }

  #judged(name: string, generation: number): void {
    const vm = this.#vm(name);
    vm.definedIn = Math.max(vm.definedIn, generation);
  }

  /** Loading disarms. An answer that comes twice loads nothing again, and an attempt that was given up nothing at all. */
  #load({ type, generation }: Extract<GateEvent, { type: (typeof LOADED)[number] }>): void {
    const isFor = { dhcpAdmitted: 'DHCP', pinned: 'endpoint', portalAdmitted: 'portal' } as const;
    const isTwice = generation === this.#loadedIn && isFor[type] === this.#isFor;
    if (isTwice || generation !== this.state.generation) return;
    this.#disarm();
    this.#loadedIn = generation;
    this.#isFor = isFor[type];
    // The guard's own clock.
    if (type === 'portalAdmitted') this.#later(20_000, () => ({ type: 'signInOver', generation }));
  }

  #disarm(): void {
    this.#armedUntil = 0;
    this.#lowest = this.#armedIn + 1;
  }

  /** The one that ran when the order was given. */
  #gatewayDies(generation: number): void {
    if (this.#bootedIn > generation) return;
    this.#gateway = false;
    this.#leases.clear();
  }

  #end(vm: Vm): void {
    Object.assign(vm, { process: false, link: false, stuck: false, isLowering: false });
  }

  #vm(name: string): Vm {
    const vm = this.#vms.get(name);
    if (vm === undefined) throw new Error(`no VM ${name}`);
    return vm;
  }

  #later(ms: number, happen: Due['happen']): void {
    this.#due.push({ at: this.#now + ms, happen });
  }

  #must(promise: Promised, holds: boolean, otherwise: string): void {
    if (!holds) throw new Broken(promise, otherwise);
  }
}
