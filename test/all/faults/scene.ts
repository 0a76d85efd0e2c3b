/**
 * The stage of the fault matrix: a lab, a gate that is down between cases, and somebody on the work link's wire who
 * sends frames with the work VM's addresses all the time, whether there is a VM or not.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { type Stage, WORK_VM } from '../../../src/demo/index.ts';
import { UplinkWitness } from '../../../src/drill/uplink-witness.ts';
import { TUNNELLED } from '../../../src/drill/work-traffic.ts';
import { Installation } from '../../../src/drivers/index.ts';
import { udpFrame } from '../../../src/frame/index.ts';
import { readLock } from '../../../src/home/index.ts';
import { monotonicMs } from '../../../src/host/index.ts';
import {
  type EffectPlan,
  LAB,
  linksInLab,
  type Process,
  processes,
  STRUCK,
  type Strike,
  standOn,
  type WireStand,
} from '../../../src/lab/index.ts';
import {
  foreignFrames,
  guardedBytes,
  type Outcome,
  superviseAgain,
  until,
  vmgate,
} from '../../system/leaks/life-scene.ts';
import { compileProgram, openStage, type Program } from '../../system/leaks/stage.ts';

/** One effect of `up` or `start`, as the supervisor's log names it. */
export interface Point {
  readonly turn: number;
  readonly name: string;
}

const GOLDEN = new URL('./golden/effects.txt', import.meta.url);

/** What `up` and then `start` of the work VM do, effect by effect; points.test.ts holds it to a real run. */
export function recordedPoints(): readonly Point[] {
  return pointsIn(readFileSync(GOLDEN, 'utf8'));
}

export function pointsIn(log: string): readonly Point[] {
  return log.split('\n').flatMap((line) => {
    const [, turn, name] = /^(\d+) (.+)$/.exec(line) ?? [];
    return name === undefined ? [] : [{ turn: Number(turn), name }];
  });
}

/**
 * Effects of one turn of the supervisor's event loop are one moment for every process but the supervisor: nothing else
 * runs between them that could tell.
 */
export function momentsIn(points: readonly Point[]): readonly Point[] {
  return points.filter(({ turn }, index) => points[index - 1]?.turn !== turn);
}

const TOKEN = Buffer.from('vmgate-fault-matrix');
const NEVER_MS = 100_000;
const TRIES = 3;
const SEND_EVERY_MS = 20;

export class FaultScene {
  readonly stage: Stage;
  readonly program: Program;
  readonly #scratch: string;
  readonly #stand: WireStand;
  readonly #sending: NodeJS.Timeout;
  readonly #witness: UplinkWitness;
  #files: readonly string[] = [];
  #sent = 0;
  #isStalled = false;

  private constructor(stage: Stage, program: Program, scratch: string, stand: WireStand) {
    this.stage = stage;
    this.program = program;
    this.#scratch = scratch;
    this.#stand = stand;
    const [link] = linksInLab(stage.gate, [WORK_VM], stage.lab).work;
    if (link === undefined) throw new Error('a gate without work link');
    const hop = { sourceMac: link.guestMac, destinationMac: link.gatewayMac };
    const flow = { source: link.guest, destination: LAB.site, sourcePort: 22_000, destinationPort: 9 };
    const frame = udpFrame(hop, flow, TOKEN);
    const watched = { endpoint: stage.lab.endpoint, token: TOKEN, tunnelled: TUNNELLED };
    this.#witness = new UplinkWitness(stage.lab.watch.witness, watched, monotonicMs);
    this.#sending = setInterval(() => {
      this.#witness.read();
      // One that is frozen takes none; what waits then is enough.
      if (this.#isStalled) return;
      stand.send(frame);
      this.#sent += 1;
    }, SEND_EVERY_MS);
  }

  /** What a gate's life leaves for good is there already, so that what else is left stands out. */
  static async open(): Promise<FaultScene> {
    const program = await compileProgram();
    const stage = await openStage(program, { attachment: 'wire' });
    const scratch = await mkdtemp(path.join(os.tmpdir(), 'vmg-fault-'));
    const [link] = linksInLab(stage.gate, [WORK_VM], stage.lab).work;
    const stand = await standOn(
      {
        folder: path.join(scratch, 'st'),
        localPath: path.join(scratch, 'wire'),
        remotePath: path.join(stage.gate.wires, `${link?.ifname}.g`),
      },
      new Installation(),
    );
    const scene = new FaultScene(stage, program, scratch, stand);
    await scene.down();
    await scene.supervise();
    const first = await scene.bringUp();
    if (first.at(-1)?.code !== 0) throw new Error(`the gate never came up: ${first.at(-1)?.stderr}`);
    await scene.down();
    scene.#files = filesBelow(stage.home.root);
    return scene;
  }

  /** Frames tried so far. */
  get sent(): number {
    return this.#sent;
  }

  get log(): string {
    return path.join(this.#scratch, 'effects');
  }

  /** A fresh supervisor whose effects are logged, and one of them struck. */
  async supervise(strike?: Strike): Promise<void> {
    await rm(this.log, { force: true });
    const effects: EffectPlan = { log: this.log, ...(strike === undefined ? {} : { strike }) };
    await this.stage.supervise({ ...this.stage.lab.watch, effects });
  }

  /** `up`, and `start` if that opened the gate. */
  async upAndStart(): Promise<readonly Outcome[]> {
    const up = await vmgate(this.stage, 'up');
    return up.code === 0 ? [up, await vmgate(this.stage, 'start', WORK_VM)] : [up];
  }

  /**
   * The same after a strike, asked for again where it was refused: on a busy machine a gate may close for a moment. An
   * `up` that the machine failed is undone, its supervisor included: the lab's takes over.
   */
  async bringUp(): Promise<readonly Outcome[]> {
    for (let left = TRIES; ; left -= 1) {
      if ((await readLock(this.stage.gate.lock)) === undefined) await this.supervise();
      const outcomes = await this.upAndStart();
      if (left <= 1 || outcomes.every(({ code }) => code === 0)) return outcomes;
    }
  }

  /** Resolves when the strike fell. */
  async struck(): Promise<void> {
    await until('the strike', () => existsSync(this.log) && readFileSync(this.log, 'utf8').includes(STRUCK), NEVER_MS);
  }

  /** Nobody reads at the wire's other end meanwhile. */
  stall(isStalled: boolean): void {
    this.#isStalled = isStalled;
  }

  /** By the count of the lab, of the guards, and of the gateways' own captures behind them. */
  async foreign(): Promise<{ readonly lab: number | 'gone'; readonly guard: number; readonly uplink: number }> {
    this.#witness.read();
    const guard = guardedBytes(this.stage);
    const lab = await foreignFrames(this.stage).then(
      (counted) => counted.lab,
      () => 'gone' as const,
    );
    return { lab, guard, uplink: this.#witness.clear };
  }

  /** A supervisor in the place of one that died or froze. */
  superviseAgain(): Promise<void> {
    return superviseAgain(this.stage, this.stage.lab.watch);
  }

  async down(): Promise<Outcome> {
    return vmgate(this.stage, 'down');
  }

  /** Processes and files of the gate that were not there before it came up. The lab's are its own. */
  async leftovers(): Promise<readonly string[]> {
    const { root } = this.stage.home;
    const ours = (args: string) => args.includes(root) || args.includes(this.program.dist);
    const isOther = ({ pid, args }: Process) => pid === this.#stand.pid || args.includes('vmgate-lab');
    const running = (await processes()).filter((each) => ours(each.args) && !isOther(each));
    const files = filesBelow(root).filter((file) => !this.#files.includes(file));
    return [...running.map(({ pid, args }) => `process ${pid}: ${args}`), ...files];
  }

  async close(): Promise<void> {
    clearInterval(this.#sending);
    await this.#stand.close();
    await this.stage.close();
    await this.program.remove();
    await rm(this.#scratch, { recursive: true, force: true });
  }
}

/** Sockets included. */
function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort();
}
