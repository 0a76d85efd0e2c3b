/**
 * The guard's life as a process: orders on stdin, frames on two sockets, reports on stdout. How frames are judged is
 * an argument; `main.ts` gives the policy's matcher, and nothing an order says can give another.
 */
import type { Readable, Writable } from 'node:stream';
import type { FrameMatcher, UplinkPolicy } from '../core/policy/index.ts';
import { monotonicMs, wallMs } from '../host/index.ts';
import { type Clocks, Deadline } from './deadline.ts';
import { Evidence } from './evidence.ts';
import { FrameFilter } from './filter.ts';
import { GatewaySockets } from './gateway-sockets.ts';
import { readOrders, sendReport } from './orders.ts';
import { type GuardOrder, type GuardReport, MAX_PORTAL_MS } from './protocol.ts';

export interface GuardSurroundings {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly compile: (policy: UplinkPolicy) => FrameMatcher;
  /** Ends the process. */
  readonly exit: (status: 0 | 1, why: string) => void;
}

type Setup = Extract<GuardOrder, { type: 'setup' }>;
type Policy = Extract<GuardOrder, { type: 'policy' }>;

const COUNTS_EVERY_MS = 1_000;
/** More than any unix socket holds: once this much came after a barrier was asked for, all from before it was judged. */
const BARRIER_BYTES = 8 * 1_048_576;

/** Lives until stdin ends. */
export function runGuard(around: GuardSurroundings): void {
  const guard = new RunningGuard(around);
  readOrders(
    around.stdin,
    (order) => guard.obey(order),
    (why, status) => guard.end(why, status),
  );
}

class RunningGuard {
  readonly #around: GuardSurroundings;
  readonly #deadline = new Deadline(now(), (why) => this.#stopped(why));
  #setup: Setup | undefined;
  #policy: Policy | undefined;
  #evidence: Evidence | undefined;
  #filter: FrameFilter | undefined;
  #sockets: GatewaySockets | undefined;
  #timer: NodeJS.Timeout | undefined;
  #reported = '';

  constructor(around: GuardSurroundings) {
    this.#around = around;
    // A supervisor that is gone takes stdout with it; stdin's end says so.
    around.stdout.on('error', () => {});
    setInterval(() => this.#reportCounts(), COUNTS_EVERY_MS).unref();
  }

  obey(order: GuardOrder): void {
    switch (order.type) {
      case 'setup':
        this.#setup ??= order;
        break;
      case 'policy':
        this.#adopt(order);
        break;
      case 'arm':
        this.#deadline.arm(order.generation, { monotonic: order.monotonicMs, wall: order.wallMs }, now());
        this.#watchDeadline();
        break;
      case 'disarm':
        this.#deadline.disarm('order');
        break;
      case 'portal':
        this.#extend(order.portal);
        break;
      case 'canaries':
        this.#filter?.watchFor(order.tokens);
        break;
      case 'sync':
        this.#barrier(order.id, this.#sockets?.bytesRead ?? 0, undefined);
    }
  }

  /** Status 0 for the end of the orders, else 1. */
  end(why: string, status: 0 | 1): void {
    clearTimeout(this.#timer);
    this.#deadline.disarm('order');
    this.#sockets?.end(why);
    this.#evidence?.close();
    this.#around.exit(status, why);
  }

  #adopt(policy: Policy): void {
    this.#deadline.disarm('policy');
    this.#deadline.limit(policy.portal === undefined ? undefined : MAX_PORTAL_MS, now());
    this.#policy = policy;
    const matcher = this.#around.compile(policyOf(policy));
    if (this.#filter !== undefined) this.#filter.matcher = matcher;
    else if (this.#setup !== undefined) this.#connect(this.#setup, matcher);
    else this.end('a policy before the set-up', 1);
  }

  #extend(portal: NonNullable<Policy['portal']>): void {
    if (this.#policy?.portal === undefined || this.#filter === undefined) return;
    this.#policy = { ...this.#policy, portal };
    this.#filter.matcher = this.#around.compile(policyOf(this.#policy));
  }

  #connect({ outgoing, released, evidence: folder, evidenceMaxBytes }: Setup, matcher: FrameMatcher): void {
    const evidence = new Evidence(folder, evidenceMaxBytes);
    const filter: FrameFilter = new FrameFilter(matcher, {
      outlet: { write: (run) => this.#sockets?.write(run) ?? false },
      mayPass: () => this.#deadline.mayPass(now()),
      keepEvidence: (frame) => evidence.keep(frame, wallMs()),
      keepPortal: (frame) => evidence.keepPortal(frame, wallMs()),
      report: (report) => this.#report(report),
    });
    this.#evidence = evidence;
    this.#filter = filter;
    this.#sockets = new GatewaySockets({ outgoing, released }, (buffer, length) => filter.take(buffer, length), {
      connected: () => this.#report({ type: 'ready' }),
      lost: (why) => this.#report({ type: 'gateway-lost', why }),
    });
  }

  /** The timer only says it soon; that nothing passes past the deadline is judged before each batch. */
  #watchDeadline(): void {
    clearTimeout(this.#timer);
    const remaining = this.#deadline.remainingMs(now());
    if (remaining === 0) return;
    this.#timer = setTimeout(() => {
      if (this.#deadline.mayPass(now())) this.#watchDeadline();
    }, remaining + 1);
  }

  #stopped(why: Extract<GuardReport, { type: 'disarmed' }>['why']): void {
    this.#sockets?.forgetWaiting();
    this.#report({ type: 'disarmed', why });
  }

  /**
   * Answers after a whole turn of the event loop in which nothing came: its poll phase asked the socket and found it
   * empty. A socket is a queue, so under a flood enough later bytes prove the same.
   */
  #barrier(id: number, askedAt: number, seenBefore: number | undefined): void {
    const seen = this.#sockets?.bytesRead ?? 0;
    if (seen !== seenBefore && seen - askedAt < BARRIER_BYTES) {
      setImmediate(() => setImmediate(() => this.#barrier(id, askedAt, seen)));
      return;
    }
    const armed = this.#deadline.mayPass(now()) && !(this.#filter?.violated ?? true);
    this.#report({ type: 'sync', id, counts: this.#counts(), armed });
  }

  #reportCounts(): void {
    const counts = this.#counts();
    const text = JSON.stringify(counts);
    if (text !== this.#reported && this.#report({ type: 'counts', counts })) this.#reported = text;
  }

  #counts() {
    return this.#filter?.counts() ?? { passed: {}, held: 0, foreign: 0, canaries: 0, overrun: 0, unrecorded: 0 };
  }

  #report(report: GuardReport): boolean {
    return sendReport(this.#around.stdout, report);
  }
}

function now(): Clocks {
  return { monotonic: monotonicMs(), wall: wallMs() };
}

function policyOf({ uplink, endpoints, tunnel, portal }: Policy): UplinkPolicy {
  const { mac, address, nextHop, dhcp } = uplink;
  const { localPort, mtu } = tunnel ?? {};
  return {
    uplink: { mac: mac.toLowerCase(), address, nextHop, dhcp },
    endpoints,
    portal,
    tunnel: localPort === undefined ? undefined : { localPort, ...(mtu === undefined ? {} : { mtu }) },
  };
}
