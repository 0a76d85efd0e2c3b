/**
 * Every state that the gate can reach, walked: from `down`, each event that can happen in a state is played against the
 * real `step`, and every turn is held to the promises.
 *
 * What is unbounded is folded; `step` tells the folded values apart from nothing else:
 * - generations: only equality is ever asked. The current one is 1, every older one 0; answers of older generations may
 *   come at any time, any number of times, whether they were ordered or not.
 * - time and retries: a receipt is in time or past it, a verification due or not; of failures in a row only whether there were any is asked, and every
 *   third is told apart; else they differ in the length of a timer.
 * - request numbers: who waits is a list that is added to, answered whole and emptied. One stands for many.
 * - VPN profiles: one; and two in a walk of their own, without a work VM: a third is tried as the second is.
 * - reasons, verdicts and faults, which are only carried along.
 * - work VMs: one. They meet in two places, the list of leases and the end of `down`; the world of random faults has two.
 * - orders: whatever was ordered in this generation may be answered at any time, again and again.
 */
import { type GateState, initialState, NO_PROFILES, type Phase, STOPPED } from '../../../src/core/gate/state.ts';
import type { step } from '../../../src/core/gate.ts';
import {
  answersTo,
  type Happening,
  happensUnasked,
  KINDS,
  openOrders,
  RECEIPT_MS,
  STALE_ANSWERS,
  VERIFICATION_DUE_MS,
  VM,
  VM_ENDED,
} from './gate-events.ts';
import { Graph } from './gate-graph.ts';
import { type History, isSame, NOTHING_YET, remember } from './gate-history.ts';
import type { Promised } from './gate-promises.ts';

type StepFunction = typeof step;

interface Node {
  readonly state: GateState;
  readonly history: History;
  readonly isOver: boolean;
}

export interface Transition {
  readonly from: Phase;
  readonly to: Phase;
  /** In words, sorted. */
  readonly on: readonly string[];
}

export interface Walk {
  readonly states: number;
  /** Pairs of a state and something that can happen in it. */
  readonly turns: number;
  readonly transitions: readonly Transition[];
  /** How each promise was broken first, and the events that led there. */
  readonly broken: ReadonlyMap<Promised, string>;
}

const CURRENT = 1;
const OF_WORK_VMS: readonly string[] = ['configured', 'start', 'stop'];
const ANSWERS = new Map(KINDS.map((kind) => [kind, answersTo(kind, CURRENT)]));
/** Far more than the right gate has; a wrong one may have states without end. */
const MOST_STATES = 200_000;

/** Walks until `until` is broken, or to the end. `profiles`: VPN profiles of the configuration. */
export function walk(machine: StepFunction, until?: Promised, profiles: readonly string[] = ['only']): Walk {
  const walking = new Walking(machine, until, profiles);
  walking.run();
  return walking.result();
}

class Walking {
  readonly #machine: StepFunction;
  readonly #until: Promised | undefined;
  readonly #profiles: readonly string[];
  readonly #unasked: readonly Happening[];
  readonly #graph = new Graph();
  readonly #known = new Map<string, number>();
  readonly #nodes: Node[] = [];
  readonly #transitions = new Map<string, Set<string>>();
  readonly #broken = new Map<Promised, string>();
  #turns = 0;

  constructor(machine: StepFunction, until: Promised | undefined, profiles: readonly string[]) {
    this.#machine = machine;
    this.#until = until;
    this.#profiles = profiles;
    this.#unasked = happensUnasked(CURRENT, profiles).filter(
      ({ event }) => !this.#isAlone || !OF_WORK_VMS.includes(event.type),
    );
  }

  /** A gate with several profiles is walked without a work VM: neither knows of the other. */
  get #isAlone(): boolean {
    return this.#profiles.length > 1;
  }

  run(): void {
    const fresh: GateState = {
      ...initialState(this.#isAlone ? [] : [VM]),
      profiles: { ...NO_PROFILES, names: this.#profiles },
    };
    this.#visit({ state: fresh, history: NOTHING_YET, isOver: false });
    // After another supervisor's end: a VM that outlived it, its link set down.
    const adopted = { ...fresh, work: { [VM]: { ...STOPPED, status: 'running' as const } } };
    if (!this.#isAlone) this.#visit({ state: adopted, history: { ...NOTHING_YET, hasProcess: true }, isOver: false });
    for (let at = 0; at < this.#nodes.length && !this.#isEnough(); at += 1) this.#leave(at);
    if (!this.#isEnough()) this.#mustBeAlive();
  }

  result(): Walk {
    const transitions = [...this.#transitions].sort(([a], [b]) => (a < b ? -1 : 1));
    return {
      states: this.#nodes.length,
      turns: this.#turns,
      transitions: transitions.map(([pair, words]) => {
        const [from, to] = pair.split(' ') as [Phase, Phase];
        return { from, to, on: [...words].sort() };
      }),
      broken: this.#broken,
    };
  }

  #isEnough(): boolean {
    return this.#until !== undefined && this.#broken.has(this.#until);
  }

  #leave(at: number): void {
    const node = this.#nodes[at];
    if (node === undefined || node.isOver) return;
    for (const happening of this.#unasked) this.#play(at, node, happening);
    if (node.history.hasProcess) this.#play(at, node, VM_ENDED);
    for (const kind of openOrders(node.state, node.history)) {
      for (const happening of ANSWERS.get(kind) ?? []) this.#play(at, node, happening);
    }
    for (const happening of STALE_ANSWERS) this.#play(at, node, happening, true);
  }

  #play(from: number, node: Node, { words, event, asked }: Happening, isStale = false): void {
    this.#turns += 1;
    const [after, effects] = this.#machine(node.state, event);
    // Most late news: nothing happened. A link that a late order raised is up all the same.
    if (isStale && event.type !== 'raised' && after === node.state && effects.length === 0) return;
    const broken = (promise: Promised, how: string) => this.#note(promise, `${how}, after: ${this.#way(from, words)}`);
    if (isStale && opens(node.state, after)) broken('stale', `${event.type} of an older generation`);
    const history = remember(node.history, { before: node.state, event, after, effects }, broken);
    const { phase } = after;
    if (phase !== node.state.phase) this.#notePhase(node.state.phase, phase, words);
    // Most news change nothing at all, and a node's key is half the cost of a turn.
    if (after === node.state && effects.length === 0 && isSame(history, node.history)) return;
    const isOver = effects.some((effect) => effect.do === 'exit');
    const to = this.#visit({ state: after, history, isOver }, from, words);
    if (to !== from) this.#graph.connect(from, to, asked === true);
  }

  /** The node's number; a new one is left later. */
  #visit(node: Node, from = -1, words = ''): number {
    const key = keyOf(node);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const at = this.#nodes.length;
    if (at >= MOST_STATES) throw new Error(`more than ${MOST_STATES} states`);
    this.#known.set(key, at);
    this.#nodes.push({ ...node, state: folded(node.state) });
    this.#graph.add(from, words);
    return at;
  }

  #mustBeAlive(): void {
    const all = this.#nodes.map((_, at) => at);
    const where = (holds: (node: Node) => boolean) => all.filter((at) => holds(this.#nodes[at] as Node));
    const toDown = this.#graph.reaching(
      where(({ isOver }) => isOver),
      'asked too',
    );
    this.#mustAll(
      where(() => true),
      toDown,
      'no way to down',
    );
    // Once nobody is to come back there is only down; a violation waits for a person.
    const mayReturn = ({ state }: Node) => !ENDING.includes(state.closing?.target ?? state.phase);
    const toClosed = this.#graph.reaching(
      where(({ state }) => state.phase === 'closed'),
      'unasked',
    );
    this.#mustAll(where(mayReturn), toClosed, 'no way to closed unless somebody asks');
    const toOpen = this.#graph.reaching(
      where(({ state }) => state.phase === 'open'),
      'unasked',
    );
    this.#mustAll(
      where((node) => mayReturn(node) && node.state.wanted),
      toOpen,
      'no way to open unless somebody asks',
    );
  }

  #mustAll(these: readonly number[], within: ReadonlySet<number>, otherwise: string): void {
    const lost = these.find((at) => !within.has(at));
    if (lost !== undefined) this.#note('alive', `${otherwise}, after: ${this.#way(lost, '')}`);
  }

  #note(promise: Promised, how: string): void {
    if (!this.#broken.has(promise)) this.#broken.set(promise, how);
  }

  #notePhase(from: Phase, to: Phase, words: string): void {
    const words_ = this.#transitions.get(`${from} ${to}`) ?? new Set();
    this.#transitions.set(`${from} ${to}`, words_.add(words));
  }

  #way(to: number, last: string): string {
    return [...this.#graph.way(to), last].filter((words) => words !== '').join(', ');
  }
}

const ENDING: readonly string[] = ['stopping', 'violated', 'down'];

/** Late news may begin a close, or have a stray link lowered; it may change nothing else. */
function opens(before: GateState, after: GateState): boolean {
  return after !== before && after.phase !== 'closing';
}

const REASON = { kind: 'verdicts', failed: [] } as const;
const RECEIPT = { claim: { kind: 'round-trip' }, expiresMs: RECEIPT_MS } as const;

function folded(state: GateState): GateState {
  const { retries, reason, receipt, reverifyAtMs, upWaiters, downWaiters, signInWaiters, work, profiles } = state;
  const vm = work[VM];
  return {
    ...state,
    generation: CURRENT,
    retries: foldedRetries(retries),
    reason: reason && REASON,
    receipt: receipt && RECEIPT,
    reverifyAtMs: reverifyAtMs && VERIFICATION_DUE_MS,
    verdicts: [],
    profiles: { ...profiles, because: profiles.because && REASON },
    upWaiters: one(upWaiters, 1),
    downWaiters: one(downWaiters, 2),
    signInWaiters: one(signInWaiters, 4),
    work: vm === undefined || vm.waiters.length === 0 ? work : { [VM]: { ...vm, waiters: one(vm.waiters, 3) } },
  };
}

function foldedRetries(retries: number): number {
  return retries > 3 ? retries - 3 : retries;
}

function one(waiters: readonly number[], number: number): readonly number[] {
  return waiters.length === 0 ? [] : [number];
}

/** Of a state folded or not, which differ in nothing that stands here. Short: millions are made. */
function keyOf({ state, history, isOver }: Node): string {
  const { closing } = state;
  const vm = state.work[VM];
  const flags = bits(
    ...[state.wanted, state.gatewayAlive, state.dhcp, state.pinned, state.reason !== undefined],
    ...[state.receipt !== undefined, state.reverifyDue, state.everOpen, closing?.failed === true],
    ...[state.upWaiters.length > 0, state.downWaiters.length > 0, vm !== undefined, vm?.admitted === true],
    ...[vm?.judging === true, (vm?.waiters.length ?? 0) > 0, isOver, state.reverifyAtMs !== undefined],
    state.signInWaiters.length > 0,
  );
  const past = bits(
    ...[history.isSpent, history.isProven, history.hasReceipt, history.hasGateway, history.isViolated],
    ...[history.hasProcess, history.isEnding, history.isDefined, history.isLeased, history.closing?.failed === true],
    history.isShaken,
  );
  const { policy, armed, link } = history;
  return `${state.phase}${state.look}${closing?.step}${closing?.target}${vm?.status}${state.onLoss[VM]}${policy}${armed}${link}${history.closing?.done} ${foldedRetries(state.retries)} ${state.profiles.at}${state.profiles.missed}${history.profile} ${flags} ${past}`;
}

function bits(...flags: readonly boolean[]): number {
  let sum = 0;
  for (const flag of flags) sum = sum * 2 + (flag ? 1 : 0);
  return sum;
}
