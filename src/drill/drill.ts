/**
 * Plays leak cases twice, at the same time: at a whole gate, and at one without guard and firewall, each on a lab of its
 * own. What the second run shows says that the first would have shown it. It is through much sooner, because nothing has
 * to recover there; its lab then takes its share of the faults at a whole gate.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { type CodedEvent, occur } from '../core/coded.ts';
import { imagesWithBackdoor } from '../lab/index.ts';
import type { DrillCase } from './catalogue.ts';
import { events } from './codes.ts';
import { INSIDE } from './faults.ts';
import { type GateOfDrill, type GroundOptions, PROGRAM } from './ground.ts';
import { Lane } from './lane.ts';
import { type Found, type PlayerOptions, playFaults, playFrames } from './player.ts';
import type { Findings } from './report.ts';
import { Undefended } from './undefended.ts';

export interface DrillOptions {
  /** The user's own images/ folder with gateway, tiny and lab; only looked at. */
  readonly images: string;
  readonly cases: readonly DrillCase[];
  readonly gate: GateOfDrill;
  /** The compiled command line, for tests that run the sources. */
  readonly program?: string;
  readonly tell: (event: CodedEvent) => void;
  /** Aborted: what was seen so far is the result, and everything is torn down. */
  readonly signal: AbortSignal;
}

/** A gate of its own takes a while to come up: for so many faults it is worth it. */
const WORTH_A_GATE = 6;

/** @throws what a lab or a gate throws that never came up; the findings tell everything later */
export async function runDrill({ images, gate, program = PROGRAM, ...rest }: DrillOptions): Promise<Findings> {
  const { cases, tell, signal } = rest;
  const folder = await mkdtemp(path.join(os.tmpdir(), 'vmg-drill-'));
  try {
    const ground = { images: await imagesWithBackdoor(images, folder, INSIDE), program, signal, gate };
    tell(
      occur(events.DRILL_STAGE, {
        what: 'two labs, gateways and work VMs come up: a whole gate, and one without defences',
      }),
    );
    const [guarded, bare]: [Found, Found] = [new Map(), new Map()];
    const faults = cases.filter(({ trial }) => trial.by === 'fault');
    const whole: Playing = { ...rest, mode: 'guarded', cases: [...faults] };
    const playing = [
      wholeGate(ground, whole, guarded, { ...rest, mode: 'guarded' }),
      noDefences(ground, { ...rest, mode: 'bare', cases: [...faults] }, bare, { ...rest, mode: 'bare' }, () =>
        whole.cases.length > WORTH_A_GATE ? drain(whole, guarded) : undefined,
      ),
    ];
    const ended = await Promise.allSettled(playing);
    const broken = ended.find((each) => each.status === 'rejected');
    if (broken !== undefined && !signal.aborted) throw broken.reason;
    return { guarded, bare };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Those whose cases are taken one by one, by whoever is free. */
type Playing = Omit<PlayerOptions, 'cases'> & { readonly cases: DrillCase[] };

async function wholeGate(ground: GroundOptions, playing: Playing, found: Found, frames: PlayerOptions): Promise<void> {
  const lane = await Lane.open(ground);
  try {
    await playFrames(lane, frames, found);
    await playFaults(lane, playing, found);
  } finally {
    await lane.close();
  }
}

/** Much quicker: nobody recovers. `afterwards`: its lab serves a whole gate then. */
async function noDefences(
  ground: GroundOptions,
  playing: Playing,
  found: Found,
  frames: PlayerOptions,
  afterwards: () => ((lane: Lane) => Promise<void>) | undefined,
): Promise<void> {
  const undefended = await Undefended.open(ground);
  try {
    await playFrames(undefended, frames, found);
    await playFaults(undefended, playing, found);
    const more = afterwards();
    if (more !== undefined && !playing.signal.aborted) await more(await undefended.defended());
  } finally {
    await undefended.close();
  }
}

function drain(playing: Playing, found: Found): (lane: Lane) => Promise<void> {
  return (lane) => playFaults(lane, playing, found);
}
