/**
 * The host's connections through the gate: into the tunnel (`vmgate proxy`) and to ports of work VMs (`vmgate forward`).
 * They live while the gate is open. The moment it closes each is cut, here, before anything else can wait; none is ever
 * taken up again.
 */
import type { Duplex } from 'node:stream';
import { VmgateError } from '../core/coded.ts';
import { joinStreams } from '../host/index.ts';
import { errors } from './codes.ts';
import { Pace } from './pace.ts';
import type { Exchange } from './server.ts';

/** Each costs the gateway up to a MiB of buffers, and the supervisor two. */
const MAX_STREAMS = 48;

export class Outlets {
  /** All of them together keep it. */
  readonly pace = new Pace();
  readonly #pairs = new Set<readonly [Duplex, Duplex]>();
  /** Who uses the tunnel: proxies that wait, and connections. */
  readonly #holders = new Set<object>();
  /** Of `vmgate proxy` and `vmgate forward`, which wait for connections. */
  readonly #listeners = new Set<object>();
  #pending = 0;

  get counts(): { readonly listeners: number; readonly connections: number } {
    return { listeners: this.#listeners.size, connections: this.#pairs.size };
  }

  /** Whether the tunnel is to hold a lease of its own. */
  get useTunnel(): boolean {
    return this.#holders.size > 0;
  }

  /** Keeps the tunnel leased until `released` settles. */
  hold(released: Promise<unknown>): void {
    enrol(this.#holders, released);
  }

  /** Counts a listener until `gone` settles. */
  listen(gone: Promise<unknown>): void {
    enrol(this.#listeners, gone);
  }

  /**
   * Makes the client's connection one with what `dial` connects to.
   *
   * @param signal aborted once the gate has closed since the caller judged it
   * @throws GATE_STREAMS_FULL, whatever `dial` or the signal throws
   */
  async open(exchange: Exchange, signal: AbortSignal, dial: () => Promise<Duplex>): Promise<Duplex> {
    if (this.#pairs.size + this.#pending >= MAX_STREAMS) {
      throw VmgateError.of(errors.GATE_STREAMS_FULL, { most: MAX_STREAMS });
    }
    this.#pending += 1;
    let remote: Duplex;
    try {
      remote = await dial();
    } finally {
      this.#pending -= 1;
    }
    // Its own end and trouble are told to the other side by joinStreams; before that nobody must be hurt by them.
    remote.on('error', () => undefined);
    if (signal.aborted) {
      remote.destroy();
      signal.throwIfAborted();
    }
    const local = exchange.raw(null);
    if (local.destroyed) {
      remote.destroy();
      return local;
    }
    const pair = [local, remote] as const;
    this.#pairs.add(pair);
    void joinStreams(local, remote, () => this.pace.brake()).then(() => this.#pairs.delete(pair));
    return local;
  }

  /** Local, cannot block. */
  cut(): void {
    for (const stream of [...this.#pairs].flat()) stream.destroy();
    this.#pairs.clear();
  }
}

function enrol(set: Set<object>, released: Promise<unknown>): void {
  const member = {};
  set.add(member);
  void released.finally(() => set.delete(member));
}
