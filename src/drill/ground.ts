/** What a lane stands on: a lab, a gate with one work VM, the traffic on its wire, and everything that watches it. */
import { randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { VmgateError } from '../core/coded.ts';
import type { LinkPlan } from '../core/link-plan.ts';
import { Stage, WORK_VM } from '../demo/index.ts';
import { Installation } from '../drivers/index.ts';
import { PCAP_HEADER } from '../frame/index.ts';
import { monotonicMs, programFile } from '../host/index.ts';
import { LAB, linksInLab, type PassOptions, pidOf, standOn } from '../lab/index.ts';
import { type Attempt, type AttemptPlace, attemptsFrom, lateAttemptsFrom } from './attempts.ts';
import { errors } from './codes.ts';
import type { FaultHand } from './faults.ts';
import { firstResolver } from './host-resolver.ts';
import { networkHand, resolvConfOf, uplinkAddress } from './network-hand.ts';
import { partsHand } from './parts-hand.ts';
import { PhaseLog } from './phase-log.ts';
import { UplinkWitness } from './uplink-witness.ts';
import { type Seen, sendMarked } from './volley.ts';
import { PING_FOR_EVER, TUNNELLED, WorkTraffic } from './work-traffic.ts';

export interface GroundOptions {
  /** A folder of images whose gateway obeys {@link INSIDE}. */
  readonly images: string;
  /** The compiled command line. */
  readonly program: string;
  readonly signal: AbortSignal;
  /** The gate, if not the demo's; its first work VM is the one that talks. */
  readonly gate?: GateOfDrill;
}

/** A gate whose uplink asks the lab for its address. */
export interface GateOfDrill {
  /** Text of its vmgate.yaml. */
  readonly config: string;
  readonly workVms: readonly [string, ...string[]];
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
/** For the lab to have captured what was put on its own wire. */
const CAPTURED_MS = 500;

/** The command line beside this file. */
export const PROGRAM = programFile('main');

export class Ground {
  readonly phases: PhaseLog;
  readonly witness: UplinkWitness;
  readonly hand: FaultHand;
  readonly #stage: Stage;
  readonly #options: GroundOptions;
  readonly #installation: Installation;
  readonly #token: Buffer;
  /** When the hand acted, to the moment: looking a process up takes longer than hitting it. */
  acts: number[] = [];
  #traffic: WorkTraffic | undefined;
  #mode: Mode = 'guarded';
  #frozen: number | undefined;

  private constructor(stage: Stage, options: GroundOptions) {
    this.#stage = stage;
    this.#options = options;
    this.#token = Buffer.from(`vmgate-drill-${randomBytes(8).toString('hex')}`);
    this.#installation = new Installation({ cacheFile: path.join(stage.home.root, 'qemu.json') });
    this.phases = new PhaseLog(stage.gate.journal, monotonicMs);
    const watched = { endpoint: stage.lab.endpoint, token: this.#token, tunnelled: TUNNELLED };
    this.witness = new UplinkWitness(stage.lab.watch.witness, watched, monotonicMs);
    const act = () => this.#act();
    const network = networkHand(stage, () => this.#plan, act);
    const parts = partsHand(
      stage,
      (line) => this.traffic.knock(line),
      () => this.#upAgain(),
      act,
    );
    this.hand = { ...parts, ...network };
  }

  /** Boots a lab; the gate on it is down. Nothing is left when it fails. */
  static async open(options: GroundOptions): Promise<Ground> {
    const { images, program, gate } = options;
    const own = gate === undefined ? {} : { config: gate.config, dhcp: true };
    const stage = await Stage.open({ images, attachment: 'wire', program, ...own });
    await firstResolver(resolvConfOf(stage));
    return new Ground(stage, options);
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
    await this.thaw();
    await this.#vmgate('down');
    await this.#supervise();
    await this.#bringUp();
    await this.#traffic?.close();
    this.#traffic = await this.#openTraffic();
  }

  /** What is tried on the work VM's link: under a lease, and when its tunnel is gone. */
  get attempts(): { readonly leased: readonly Attempt[]; readonly late: readonly Attempt[] } {
    const { work, probe } = this.#plan;
    const [link = probe, neighbour = probe] = work;
    const place: AttemptPlace = { link, neighbour, uplink: uplinkAddress(this.#stage) };
    return { leased: attemptsFrom(place), late: lateAttemptsFrom(place) };
  }

  /** Puts each attempt on the work VM's wire; the returned function looks which of them the lab could read. */
  try(attempts: readonly Attempt[]): Promise<() => Promise<Seen>> {
    return sendMarked(this.#stage.lab, attempts, ({ frame }, mark) => this.traffic.put((hop) => frame(mark, hop)));
  }

  /** The same attempts where there is no gateway: on the untrusted network itself, while the gate is down. */
  async tryOutside(attempts: readonly Attempt[]): Promise<Seen> {
    const { lab, home } = this.#stage;
    if (lab.uplink.kind !== 'wire') throw new TypeError('a lab behind slirp has no wire to stand on');
    const stand = await standOn({ folder: path.join(home.root, 'outside'), ...lab.uplink }, this.#installation);
    try {
      const [link = this.#plan.probe] = this.#plan.work;
      const hop = { sourceMac: link.guestMac, destinationMac: LAB.routerMac };
      const look = await sendMarked(lab, attempts, ({ frame }, mark) => stand.send(frame(mark, hop)));
      await delay(CAPTURED_MS);
      return await look();
    } finally {
      await stand.close();
    }
  }

  /** From now on nobody closes anything: the supervisor stands still, and a guard that is none does not mind. */
  async freeze(): Promise<void> {
    this.#frozen = await pidOf(this.#stage.gate, 'supervisor');
    if (this.#frozen !== undefined) process.kill(this.#frozen, 'SIGSTOP');
  }

  async thaw(): Promise<void> {
    const pid = this.#frozen;
    this.#frozen = undefined;
    if (pid !== undefined && (await pidOf(this.#stage.gate, 'supervisor')) === pid) process.kill(pid, 'SIGCONT');
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
    await this.thaw();
    await this.#traffic?.close();
    await this.#stage.close();
  }

  get #plan(): LinkPlan {
    return linksInLab(this.#stage.gate, this.#workVms, this.#stage.lab);
  }

  get #workVms(): readonly [string, ...string[]] {
    return this.#options.gate?.workVms ?? [WORK_VM];
  }

  /** `vmgate up`, asked of a supervisor that runs. */
  up(): Promise<void> {
    return this.#vmgate('up');
  }

  async #upAgain(): Promise<void> {
    await this.#supervise();
    await this.up();
  }

  #act(): void {
    this.acts.push(monotonicMs());
  }

  #supervise(): Promise<void> {
    const { watch } = this.#stage.lab;
    const guardEntry = path.join(path.dirname(this.#options.program), 'lab', 'guard-absent.js');
    const network = { toward: '127.0.0.1', resolvConf: resolvConfOf(this.#stage) };
    const pass: PassOptions = { ...watch, network, ...(this.#mode === 'bare' ? { guardEntry } : {}) };
    return this.#stage.supervise(pass);
  }

  /** With a work VM that pings. On a busy machine a gate may close for a moment; what is refused then is asked for again. */
  async #bringUp(): Promise<void> {
    for (let left = TRIES; ; left -= 1) {
      try {
        await this.#vmgate('up');
        await this.#vmgate('start', this.#workVms[0]);
        return await this.#vmgate('ssh', this.#workVms[0], '--', PING_FOR_EVER);
      } catch (cause) {
        if (left <= 1 || this.#options.signal.aborted) throw cause;
      }
    }
  }

  #openTraffic(): Promise<WorkTraffic> {
    const { gate, home } = this.#stage;
    const [link] = this.#plan.work;
    if (link === undefined) throw new Error('a gate without work link');
    const place = {
      folder: path.join(home.root, 'stand'),
      work: gate.work(this.#workVms[0]),
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
