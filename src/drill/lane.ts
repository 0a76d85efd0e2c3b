/** One lab, one gate and one work VM on which cycles are played, one after the other. */
import { randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { VmgateError } from '../core/coded.ts';
import { Stage, WORK_VM } from '../demo/index.ts';
import { Installation, QmpClient } from '../drivers/index.ts';
import { PCAP_HEADER } from '../frame/index.ts';
import { monotonicMs } from '../host/index.ts';
import { linksInLab, type PassOptions, pidOf } from '../lab/index.ts';
import { errors } from './codes.ts';
import { ACCEPT_ALL, type Fault, type FaultHand, INSIDE } from './faults.ts';
import { PhaseLog } from './phase-log.ts';
import type { Cycle } from './statistics.ts';
import { UplinkWitness } from './uplink-witness.ts';
import { PING_FOR_EVER, TUNNELLED, WorkTraffic } from './work-traffic.ts';

export interface LaneOptions {
  /** A folder of images whose gateway obeys {@link INSIDE}. */
  readonly images: string;
  /** The compiled command line; the one beside this file unless said. */
  readonly program: string;
  readonly signal: AbortSignal;
}

/** `guarded`: vmgate as it is. `bare`: a guard that is none, and a gateway that accepts everything. */
export type Mode = 'guarded' | 'bare';

/** Frames each cycle tries at least. */
export const AT_LEAST = 200;
/** Frames a look: 250 a second until there are enough, then the work VM goes on at 25. */
const MANY = 5;
const FEW = 0.5;
const LOOK_MS = 20;
/** Traffic flows before the fault strikes. */
const RUN_UP_MS = 100;
const PATIENCE_MS = 90_000;
/** The work VM pings every 200 ms. */
const FRESH_MS = 700;
const TAKEOVER_MS = 4_000;
const TRIES = 3;

export const PROGRAM = fileURLToPath(new URL('../main.js', import.meta.url));

export class Lane {
  readonly #stage: Stage;
  readonly #options: LaneOptions;
  readonly #phases: PhaseLog;
  readonly #witness: UplinkWitness;
  readonly #installation: Installation;
  readonly #token: Buffer;
  #traffic: WorkTraffic | undefined;
  #mode: Mode = 'guarded';
  #before = { lab: 0, uplink: 0, heldBytes: 0 };
  /** Frames due, fractions included. */
  #due = 0;

  private constructor(stage: Stage, options: LaneOptions, token: Buffer) {
    this.#stage = stage;
    this.#options = options;
    this.#token = token;
    this.#installation = new Installation({ cacheFile: path.join(stage.home.root, 'qemu.json') });
    this.#phases = new PhaseLog(stage.gate.journal, monotonicMs);
    const watched = { endpoint: stage.lab.endpoint, token, tunnelled: TUNNELLED };
    this.#witness = new UplinkWitness(stage.lab.watch.witness, watched, monotonicMs);
  }

  /** Boots a lab, opens a gate on it and starts its work VM. Nothing is left when it fails. */
  static async open(options: LaneOptions): Promise<Lane> {
    const { images, program } = options;
    const stage = await Stage.open({ images, attachment: 'wire', program });
    try {
      const lane = new Lane(stage, options, Buffer.from(`vmgate-drill-${randomBytes(8).toString('hex')}`));
      await lane.play('guarded');
      return lane;
    } catch (cause) {
      await stage.close();
      throw cause;
    }
  }

  /** A fresh gate, open, with its work VM talking. */
  async play(mode: Mode): Promise<void> {
    this.#mode = mode;
    await this.#vmgate('down');
    await this.#supervise();
    await this.#bringUp();
    await this.#vmgate('ssh', WORK_VM, '--', PING_FOR_EVER);
    await this.#traffic?.close();
    this.#traffic = await this.#openTraffic();
    await this.#until('the gate is open and the work VM gets answers', () => this.#flows(), 'start');
    this.#before = await this.#counts();
  }

  /** One fault, from open to open again. What does not come back by itself is brought back, and told. */
  async cycle(fault: Fault): Promise<Cycle> {
    const began = monotonicMs();
    await this.#until('the gate is open and the work VM gets answers', () => this.#flows(), fault.id);
    this.#phases.forget();
    this.#witness.forget();
    if (this.#mode === 'bare') await this.#takeOver();
    await this.#talk(RUN_UP_MS, false);
    const traffic = this.#talking();
    const [sentBefore, struck] = [traffic.sent, monotonicMs()];
    let healed = struck;
    let stuck: string | undefined;
    try {
      await fault.strike(this.#hand);
      await this.#last(fault, sentBefore);
      if (fault.heal !== undefined) await this.#during(fault.heal(this.#hand), sentBefore);
      healed = monotonicMs();
      const isBack = () => this.#isBack(fault, healed) && traffic.sent - sentBefore >= AT_LEAST;
      await this.#until('the gate is open again and the work VM gets answers', isBack, fault.id, sentBefore);
    } catch (cause) {
      if (this.#options.signal.aborted || !VmgateError.is(cause)) throw cause;
      stuck = `${cause.what}; phases: ${this.#phases.seen.map(({ phase }) => phase).join(' ')}`;
    }
    const recovered = Math.max(traffic.answered, healed);
    const [tried, before] = [traffic.sent - sentBefore, this.#before];
    const blockMs = fault.stops ? this.#blockedAfter(struck, healed) : undefined;
    if (stuck !== undefined) await this.play(this.#mode);
    const after = await this.#counts();
    this.#before = after;
    return {
      fault: fault.id,
      tried,
      leaked: { lab: after.lab - before.lab, uplink: after.uplink - before.uplink },
      heldBytes: after.heldBytes - before.heldBytes,
      blockMs,
      recoverMs: stuck === undefined ? recovered - struck : undefined,
      tookMs: monotonicMs() - began,
      ...(stuck === undefined ? {} : { stuck }),
    };
  }

  /** What `vmgate status` says. */
  async status(): Promise<unknown> {
    const { stdout } = await this.#stage.vmgate(['status', '--json']);
    return JSON.parse(stdout) as unknown;
  }

  async close(): Promise<void> {
    await this.#traffic?.close();
    await this.#stage.close();
  }

  readonly #hand: FaultHand = {
    server: (state) => this.#stage.lab.server(state),
    network: (fault, active) => this.#stage.lab.fault(fault, active),
    inside: (line) => this.#talking().knock(INSIDE.indexOf(line) + 1),
    signal: async (part, signal) => {
      const pid = await pidOf(this.#stage.gate, part);
      if (pid === undefined) {
        const waitedFor = `a process of the ${part}`;
        throw VmgateError.of(errors.DRILL_STUCK, { fault: signal, waitedFor, seconds: 0 });
      }
      process.kill(pid, signal);
    },
    machine: async (command) => {
      const monitor = await QmpClient.connect("the gateway's machine", this.#stage.lab.watch.monitor);
      await monitor.execute(command).finally(() => monitor.close());
    },
    up: async () => {
      await this.#supervise();
      await this.#vmgate('up');
    },
  };

  #supervise(): Promise<void> {
    const { watch } = this.#stage.lab;
    const guardEntry = path.join(path.dirname(this.#options.program), 'lab', 'guard-absent.js');
    const pass: PassOptions = this.#mode === 'bare' ? { ...watch, guardEntry } : watch;
    return this.#stage.supervise(pass);
  }

  /** On a busy machine a gate may close for a moment; what is refused then is asked for again. */
  async #bringUp(): Promise<void> {
    for (let left = TRIES; ; left -= 1) {
      try {
        await this.#vmgate('up');
        return await this.#vmgate('start', WORK_VM);
      } catch (cause) {
        if (left <= 1 || this.#options.signal.aborted) throw cause;
      }
    }
  }

  #openTraffic(): Promise<WorkTraffic> {
    const { gate, lab, home } = this.#stage;
    const [link] = linksInLab(gate, [WORK_VM], lab).work;
    if (link === undefined) throw new Error('a gate without work link');
    const place = {
      folder: path.join(home.root, 'stand'),
      work: gate.work(WORK_VM),
      wire: { gatewayPath: path.join(gate.wires, `${link.ifname}.g`) },
      link,
      token: this.#token,
    };
    return WorkTraffic.open(place, this.#installation, monotonicMs);
  }

  #talking(): WorkTraffic {
    if (this.#traffic === undefined) throw new Error('a lane without traffic');
    return this.#traffic;
  }

  /** The gateway accepts everything from now on; the gate finds out by its next pulse. */
  async #takeOver(): Promise<void> {
    const before = this.#witness.clear;
    this.#hand.inside(ACCEPT_ALL);
    const deadline = monotonicMs() + TAKEOVER_MS;
    while (this.#witness.clear === before && monotonicMs() < deadline) await this.#talk(LOOK_MS, false);
  }

  /** The fault lasts; the work VM talks. */
  async #last(fault: Fault, sentBefore: number): Promise<void> {
    const { lasts, stalls } = fault;
    if (lasts === 'until noticed') {
      if (stalls === true) this.#talking().sendStalled();
      const noticed = () => this.#hasClosed();
      await this.#until('the gate closes', noticed, fault.id, stalls === true ? undefined : sentBefore);
    } else if (stalls === true) {
      this.#talking().sendStalled();
      await this.#talk(lasts, true);
    } else {
      const end = monotonicMs() + lasts;
      while (monotonicMs() < end) await this.#look(sentBefore);
    }
  }

  async #during(act: Promise<unknown>, sentBefore: number): Promise<void> {
    let isOver = false;
    const over = act.finally(() => {
      isOver = true;
    });
    // Its failure is thrown below.
    over.catch(() => undefined);
    while (!isOver) await this.#look(sentBefore);
    await over;
  }

  #hasClosed(): boolean {
    return this.#phases.seen.some(({ phase }) => phase !== 'open');
  }

  #flows(): boolean {
    return this.#phases.now === 'open' && monotonicMs() - (this.#traffic?.answered ?? 0) < FRESH_MS;
  }

  #isBack({ closes }: Fault, healed: number): boolean {
    const must = closes || this.#mode === 'bare';
    const since = this.#phases.seen.at(-1)?.at ?? healed;
    if ((must && !this.#hasClosed()) || this.#phases.now !== 'open') return false;
    return this.#talking().answered > Math.max(since, healed);
  }

  /** The last frame of the work VM that left before the gate opened again, or before a pause was over. */
  #blockedAfter(struck: number, healed: number): number {
    const { seen } = this.#phases;
    const closed = seen.findIndex(({ phase }) => phase !== 'open');
    const reopened = seen.slice(Math.max(0, closed)).find(({ phase }) => phase === 'open')?.at;
    const until = closed < 0 ? healed : (reopened ?? Number.POSITIVE_INFINITY);
    const last = this.#witness.departures.filter((at) => at <= until).at(-1) ?? struck;
    return Math.max(0, last - struck);
  }

  async #counts(): Promise<{ readonly lab: number; readonly uplink: number; readonly heldBytes: number }> {
    this.#witness.read();
    const { foreign } = await this.#stage.lab.counts();
    return { lab: foreign, uplink: this.#witness.clear, heldBytes: evidenceBytes(this.#stage.gate.evidence) };
  }

  /** `sentBefore`: the work VM talks meanwhile, faster until it has tried often enough since. */
  async #until(what: string, condition: () => boolean, fault: string, sentBefore?: number): Promise<void> {
    const deadline = monotonicMs() + PATIENCE_MS;
    while (!condition()) {
      if (monotonicMs() > deadline) {
        const payload = { fault, waitedFor: what, seconds: PATIENCE_MS / 1_000 };
        throw VmgateError.of(errors.DRILL_STUCK, payload);
      }
      await this.#look(sentBefore);
    }
  }

  async #talk(ms: number, isSilent: boolean): Promise<void> {
    const end = monotonicMs() + ms;
    while (monotonicMs() < end) await this.#look(isSilent ? undefined : this.#talking().sent);
  }

  async #look(sentBefore: number | undefined): Promise<void> {
    await delay(LOOK_MS, undefined, { signal: this.#options.signal });
    this.#phases.read();
    this.#witness.read();
    if (sentBefore === undefined) return;
    const traffic = this.#talking();
    this.#due += traffic.sent - sentBefore < AT_LEAST ? MANY : FEW;
    const frames = Math.floor(this.#due);
    this.#due -= frames;
    traffic.send(frames);
  }

  async #vmgate(...args: readonly string[]): Promise<void> {
    const { code, stderr, stdout } = await this.#stage.vmgate(args);
    if (code === 0) return;
    const evidence = `${stdout}${stderr}`.trim().split('\n').slice(-5);
    const payload = { command: args.slice(0, 2).join(' '), status: `status ${code ?? '?'}` };
    throw VmgateError.of(errors.DRILL_COMMAND, payload, { evidence });
  }
}

/** Bytes of the frames the gate's guards kept; `first.pcap` is only ever added to. */
function evidenceBytes(folder: string): number {
  const size = statSync(path.join(folder, 'first.pcap'), { throwIfNoEntry: false })?.size ?? 0;
  return Math.max(0, size - PCAP_HEADER);
}
