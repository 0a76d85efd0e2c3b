/** The demo's story as a whole life of a gate: each step believed only when it was seen from outside. */
import { VmgateError } from '../../../src/core/coded.ts';
import type { Stage, StageOptions } from '../../../src/demo/index.ts';
import { playSteps } from '../../../src/demo/play.ts';
import { stagehandOf } from '../../../src/demo/stagehand.ts';
import { newNonces, type Step, story } from '../../../src/demo/story.ts';
import { openStage, type Program } from '../../system/leaks/stage.ts';

/** Steps of the story after which gateway and work VM run. */
const STARTED = 3;

export interface Life {
  readonly machines?: NonNullable<StageOptions['machines']>;
  /** Looks round while gateway and work VM run; what it returns is told. */
  readonly look: (stage: Stage) => Promise<string>;
}

/**
 * Refused before the proof, up, a work VM's request seen at the lab, the server dead and the gate closed, open again
 * with the same work VM, the counts of guard and lab equal, everything gone.
 *
 * @throws with all that was told when a step does not show. Returns what was seen, a line for each step.
 */
export async function liveOnce(program: Program, { machines, look }: Life): Promise<readonly string[]> {
  const options = { attachment: 'wire', ...(machines === undefined ? {} : { machines }) } as const;
  const stage = await openStage(program, options).catch((cause: unknown) => {
    // The last lines of the lab's console: jest prints an error's text, nothing else of it.
    throw VmgateError.is(cause) ? new Error(`${cause.message}\n${cause.evidence.join('\n')}`, { cause }) : cause;
  });
  const told: string[] = [];
  const say = (line: string) => void told.push(line);
  const looking: Step = { title: 'A look round', play: async () => ({ saw: await look(stage) }) };
  const steps = story(newNonces());
  try {
    await playSteps(
      [...steps.slice(0, STARTED), looking, ...steps.slice(STARTED)],
      stagehandOf(stage, (line) => say(`    ${line}`)),
      say,
    );
  } catch (cause) {
    const journal = await stage.vmgate(['logs']).catch(() => undefined);
    throw new Error(`${String(cause)}\n${told.join('\n')}\n${journal?.stdout ?? ''}`, { cause });
  } finally {
    await stage.close();
  }
  return told.filter((line) => line.startsWith('  seen: '));
}

/** Steps that {@link liveOnce} tells of when all went well. */
export const LIFE_STEPS = 8;
