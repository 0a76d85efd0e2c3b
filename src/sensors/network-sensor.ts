/**
 * Watches how this machine is on the network, as seen from one address: the VPN server's. A tool says when to look, and
 * if it does not, each second does. What is told is what two looks differ in, never what the tool said.
 */
import type { CodedEvent } from '../core/coded.ts';
import { occur, VmgateError } from '../core/coded.ts';
import { messageOf, monotonicMs, type Run, run } from '../host/index.ts';
import { errors, events } from './codes.ts';
import type { HostNetwork } from './host-network.ts';
import { changeBetween, type NetworkView, remembered } from './network-view.ts';
import { ToolWatcher } from './tool-watcher.ts';

/** `shaken`: the uplink stands on another network now. `stirred`: what cannot matter to it changed. */
export type NetworkNotice =
  | { readonly kind: 'shaken'; readonly fault: VmgateError }
  | { readonly kind: 'stirred'; readonly changes: readonly string[] };

export interface NetworkMeans {
  readonly run: Run;
  /** Between two notices of what cannot matter: a machine that starts containers all day is not verified all day. */
  readonly stirredEveryMs: number;
}

export interface NetworkListener {
  readonly notice: (notice: NetworkNotice) => void;
  /** How the sensor itself fares. */
  readonly record: (event: CodedEvent) => void;
}

/** A change comes as a burst of lines: they are one reason to look, and the burst's end is another. */
const BURST_MS = 250;
/** Looks that ask the slow questions too, even if nobody says that something changed. */
const THOROUGH_EVERY = 10;
const MOST_STIRRED = 6;
/** RFC 5737: nobody's. Where the default route leads, before there is an endpoint. */
const ANYWHERE = '192.0.2.1';

export class NetworkSensor {
  readonly #host: HostNetwork;
  readonly #listener: NetworkListener;
  readonly #watcher: ToolWatcher;
  readonly #stirredEveryMs: number;
  #target = ANYWHERE;
  #before: NetworkView | undefined;
  /** One look after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  #polling: NodeJS.Timeout | undefined;
  #burst: NodeJS.Timeout | undefined;
  #looks = 0;
  #stirred: readonly string[] = [];
  #stirredAtMs = Number.NEGATIVE_INFINITY;
  #isBlind = false;
  #isOver = false;

  constructor(host: HostNetwork, listener: NetworkListener, means: Partial<NetworkMeans> = {}) {
    const { run: runTool = run, stirredEveryMs = 10_000 } = means;
    this.#host = host;
    this.#stirredEveryMs = stirredEveryMs;
    this.#listener = listener;
    const meanwhile = `the network is looked at every ${host.pollMs / 1_000} s while it is started again`;
    const sensor = host.monitor.name;
    this.#watcher = new ToolWatcher(host.monitor, runTool, {
      changed: () => this.#hear(),
      lost: (why) => listener.record(occur(events.SENSOR_LOST, { sensor, why, meanwhile })),
      back: () => listener.record(occur(events.SENSOR_BACK, { sensor })),
    });
    this.#poll();
  }

  /** From now on the way to `target` (an IPv4 address) counts. Resolves when it is known: what changes later is noticed. */
  async watch(target: string): Promise<void> {
    this.#target = target;
    this.#stirred = [];
    this.#stirredAtMs = Number.NEGATIVE_INFINITY;
    await this.#look(true, 'afresh');
  }

  close(): void {
    this.#isOver = true;
    clearTimeout(this.#polling);
    clearTimeout(this.#burst);
    this.#watcher.close();
  }

  /** At once for the first line of a burst, and once more when it is over. */
  #hear(): void {
    if (this.#isOver || this.#burst !== undefined) return;
    void this.#look(true);
    this.#burst = setTimeout(() => {
      this.#burst = undefined;
      void this.#look(true);
    }, BURST_MS);
    this.#burst.unref();
  }

  #poll(): void {
    if (this.#isOver) return;
    this.#looks += 1;
    void this.#look(this.#looks % THOROUGH_EVERY === 0).then(() => {
      this.#polling = setTimeout(() => this.#poll(), this.#host.pollMs);
      this.#polling.unref();
    });
  }

  /** Never rejects. `afresh`: there is nothing to compare with. */
  #look(isThorough: boolean, afresh?: 'afresh'): Promise<void> {
    const turn = this.#turn.then(async () => {
      if (this.#isOver) return;
      const target = this.#target;
      try {
        const now = await this.#host.look(target, isThorough);
        this.#sees();
        // Of a target that was replaced meanwhile.
        if (target === this.#target && !this.#isOver)
          this.#compare(afresh === undefined ? this.#before : undefined, now);
      } catch (cause) {
        this.#cannotSee(messageOf(cause));
      }
    });
    this.#turn = turn;
    return turn;
  }

  #compare(before: NetworkView | undefined, now: NetworkView): void {
    const change = before === undefined ? ({ kind: 'none' } as const) : changeBetween(before, now);
    const isSame = change.kind === 'none' || change.kind === 'beside';
    this.#before = before !== undefined && isSame ? remembered(before, now) : now;
    switch (change.kind) {
      case 'none':
        break;
      case 'gone':
        this.#shaken(VmgateError.of(errors.SENSOR_NETWORK_GONE, { toward: this.#target }));
        break;
      case 'moved':
        this.#shaken(VmgateError.of(errors.SENSOR_NETWORK_CHANGED, { changes: change.changes }));
        break;
      case 'beside':
        this.#stirred = [...this.#stirred, ...change.changes].slice(0, MOST_STIRRED);
    }
    this.#tellStirred();
  }

  /** Whoever verifies for it looks at everything. */
  #shaken(fault: VmgateError): void {
    this.#stirred = [];
    this.#listener.notice({ kind: 'shaken', fault });
  }

  #tellStirred(): void {
    const changes = this.#stirred;
    if (changes.length === 0 || monotonicMs() - this.#stirredAtMs < this.#stirredEveryMs) return;
    this.#stirred = [];
    this.#stirredAtMs = monotonicMs();
    this.#listener.notice({ kind: 'stirred', changes });
  }

  #sees(): void {
    if (this.#isBlind) this.#listener.record(occur(events.SENSOR_BACK, { sensor: 'network' }));
    this.#isBlind = false;
  }

  #cannotSee(why: string): void {
    const meanwhile = 'the checks of an open gate go on';
    if (!this.#isBlind) {
      this.#listener.record(occur(events.SENSOR_LOST, { sensor: 'network', why: `cannot look: ${why}`, meanwhile }));
    }
    this.#isBlind = true;
  }
}
