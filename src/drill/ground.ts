/** What a lane stands on: a lab, a gate with one work VM, the traffic on its wire, and everything that watches it. */
import { randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import path from 'node:path';
import { VmgateError } from '../core/coded.ts';
import { Stage, WORK_VM } from '../demo/index.ts';
import { Installation, QmpClient } from '../drivers/index.ts';
import { PCAP_HEADER } from '../frame/index.ts';
import { monotonicMs, programFile } from '../host/index.ts';
import { linksInLab, type PassOptions, pidOf } from '../lab/index.ts';
import { errors } from './codes.ts';
import { type FaultHand, INSIDE } from './faults.ts';
import { PhaseLog } from './phase-log.ts';
import { UplinkWitness } from './uplink-witness.ts';
import { PING_FOR_EVER, TUNNELLED, WorkTraffic } from './work-traffic.ts';

export interface GroundOptions {
  /** A folder of images whose gateway obeys {@link INSIDE}. */
  readonly images: string;
  /** The compiled command line. */
  readonly program: string;
  readonly signal: AbortSignal;
}

/** `guarded`: vmgate as it is. `bare`: a guard that is none, and a gateway that accepts everything. */
export type Mode = 'guarded' | 'bare';

export interface Counts {
  /** Foreign frames by the lab's count, and clear ones by the pcap behind the guard. */
  readonly lab: number;
  readonly uplink: number;
  /** What the guards held back and kept. */
  readonly heldBytes: number;
}

const TRIES = 3;

/** The command line beside this file. */
export const PROGRAM = programFile('main');

export class Ground {
  readonly phases: PhaseLog;
  readonly witness: UplinkWitness;
  readonly #stage: Stage;
  readonly #options: GroundOptions;
  readonly #installation: Installation;
  readonly #token: Buffer;
  /** When the hand acted, to the moment: looking a process up takes longer than hitting it. */
  acts: number[] = [];
  #traffic: WorkTraffic | undefined;
  #mode: Mode = 'guarded';

  private constructor(stage: Stage, options: GroundOptions) {
    this.#stage = stage;
    this.#options = options;
    this.#token = Buffer.from(`vmgate-drill-${randomBytes(8).toString('hex')}`);
    this.#installation = new Installation({ cacheFile: path.join(stage.home.root, 'qemu.json') });
    this.phases = new PhaseLog(stage.gate.journal, monotonicMs);
    const watched = { endpoint: stage.lab.endpoint, token: this.#token, tunnelled: TUNNELLED };
    this.witness = new UplinkWitness(stage.lab.watch.witness, watched, monotonicMs);
  }

  /** Boots a lab; the gate on it is down. Nothing is left when it fails. */
  static async open(options: GroundOptions): Promise<Ground> {
    const { images, program } = options;
    return new Ground(await Stage.open({ images, attachment: 'wire', program }), options);
  }

  get mode(): Mode {
    return this.#mode;
  }

  get traffic(): WorkTraffic {
    if (this.#traffic === undefined) throw new Error('no gate was opened yet');
    return this.#traffic;
  }

  /** A fresh gate, with its work VM talking. */
  async openGate(mode: Mode): Promise<void> {
    this.#mode = mode;
    await this.#vmgate('down');
    await this.#supervise();
    await this.#bringUp();
    await this.#vmgate('ssh', WORK_VM, '--', PING_FOR_EVER);
    await this.#traffic?.close();
    this.#traffic = await this.#openTraffic();
  }

  async counts(): Promise<Counts> {
    this.witness.read();
    const { foreign } = await this.#stage.lab.counts();
    return { lab: foreign, uplink: this.witness.clear, heldBytes: evidenceBytes(this.#stage.gate.evidence) };
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

  readonly hand: FaultHand = {
    server: (state) => {
      this.#act();
      return this.#stage.lab.server(state);
    },
    network: (fault, active) => {
      this.#act();
      return this.#stage.lab.fault(fault, active);
    },
    inside: (line) => {
      this.#act();
      this.traffic.knock(INSIDE.indexOf(line) + 1);
    },
    signal: async (part, signal) => {
      const pid = await pidOf(this.#stage.gate, part);
      if (pid === undefined) {
        throw VmgateError.of(errors.DRILL_STUCK, { fault: signal, waitedFor: `a process of the ${part}`, seconds: 0 });
      }
      this.#act();
      process.kill(pid, signal);
    },
    machine: async (command) => {
      const monitor = await QmpClient.connect("the gateway's machine", this.#stage.lab.watch.monitor);
      this.#act();
      await monitor.execute(command).finally(() => monitor.close());
    },
    up: async () => {
      this.#act();
      await this.#supervise();
      await this.up();
    },
  };

  /** `vmgate up`, asked of a supervisor that runs. */
  up(): Promise<void> {
    return this.#vmgate('up');
  }

  #act(): void {
    this.acts.push(monotonicMs());
  }

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
