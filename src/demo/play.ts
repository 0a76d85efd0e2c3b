/** Plays the story: builds what is missing, opens the stage, tells each step and what was seen, cleans up. */
import { VmgateError } from '../core/coded.ts';
import { escapeLine, hostPlatform, monotonicMs } from '../host/index.ts';
import { buildImage, type ImageKind, takePackaged, upToDateImage } from '../image/index.ts';
import type { LabAttachment } from '../lab/index.ts';
import { errors } from './codes.ts';
import { Stage } from './stage.ts';
import { type Stagehand, stagehandOf } from './stagehand.ts';
import { NotObserved, newNonces, type Step, story } from './story.ts';

export interface DemoOptions {
  /** The user's own images/ folder: what is built here serves `vmgate up` too. */
  readonly images: string;
  readonly attachment: LabAttachment;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

const KINDS: readonly ImageKind[] = ['gateway', 'tiny', 'lab'];

/** @throws DEMO_NOT_OBSERVED and everything a build or a lab throws; the stage is gone either way. */
export async function playDemo({ images, attachment, say, signal }: DemoOptions): Promise<void> {
  await buildMissing(images, say, signal);
  const began = monotonicMs();
  say('The lab comes up: an untrusted network with a VPN server, in a VM of its own ...');
  const stage = await Stage.open({ images, attachment });
  await playOn(stage, signal, async () => {
    say(`  seen: it answers (${elapsed(began)})`);
    await playSteps(
      story(newNonces()),
      stagehandOf(stage, (line) => say(`    ${escapeLine(line)}`)),
      say,
    );
  });
  say(`\nThat was the main job, observed at every step, in ${elapsed(began)}.`);
}

/** The stage is gone afterwards. @throws what aborted `signal`, before the stage was there too; whatever `play` throws */
export async function playOn(
  stage: Pick<Stage, 'close'>,
  signal: AbortSignal,
  play: () => Promise<void>,
): Promise<void> {
  const close = () => void stage.close();
  signal.addEventListener('abort', close, { once: true });
  try {
    // A signal that came while the lab booted calls nobody any more.
    signal.throwIfAborted();
    await play();
  } catch (cause) {
    // What a step misses on a stage that is taken down is no fault of what it shows.
    signal.throwIfAborted();
    throw cause;
  } finally {
    signal.removeEventListener('abort', close);
    await stage.close();
  }
}

/** Tells and plays the steps in order. @throws DEMO_NOT_OBSERVED at the first that does not show */
export async function playSteps(steps: readonly Step[], hand: Stagehand, say: (line: string) => void): Promise<void> {
  for (const [index, { title, play }] of steps.entries()) {
    const began = monotonicMs();
    say(`\n${index + 1}. ${title}`);
    try {
      const { saw } = await play(hand);
      say(`  seen: ${escapeLine(saw)} (${elapsed(began)})`);
    } catch (cause) {
      if (!(cause instanceof NotObserved)) throw cause;
      throw VmgateError.of(errors.DEMO_NOT_OBSERVED, { step: index + 1, title, why: cause.message }, { cause });
    }
  }
}

/** Builds what the stage needs and is not there, into the user's own folder: it serves `vmgate up` too. */
export async function buildMissing(images: string, say: (line: string) => void, signal: AbortSignal): Promise<void> {
  const { arch } = hostPlatform();
  await takePackaged(images, arch, { progress: (event) => say(escapeLine(event.text)) });
  for (const kind of KINDS) {
    const found = await upToDateImage(images, kind, arch);
    if (found !== undefined) continue;
    say(`The ${kind} image of this version is not there yet; it is built once, from Debian packages:`);
    await buildImage(kind, arch, {
      imagesFolder: images,
      cachedPackages: true,
      progress: (event) => say(`    ${escapeLine(event.text)}`),
      signal,
    });
  }
}

function elapsed(began: number): string {
  return `${((monotonicMs() - began) / 1_000).toFixed(1)} s`;
}
