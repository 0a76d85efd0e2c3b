/** The demo's story as a whole life of a gate: each step believed only when it was seen from outside. */
import type { StageOptions } from '../../../src/demo/index.ts';
import { playSteps } from '../../../src/demo/play.ts';
import { stagehandOf } from '../../../src/demo/stagehand.ts';
import { newNonces, story } from '../../../src/demo/story.ts';
import { openStage, type Program } from '../../system/leaks/stage.ts';

/**
 * Refused before the proof, up, a work VM's request seen at the lab, the server dead and the gate closed, open again
 * with the same work VM, the counts of guard and lab equal, everything gone.
 *
 * @throws with all that was told when a step does not show. Returns what was seen, a line for each step.
 */
export async function liveOnce(program: Program, machines?: StageOptions['machines']): Promise<readonly string[]> {
  const stage = await openStage(program, { attachment: 'wire', ...(machines === undefined ? {} : { machines }) });
  const told: string[] = [];
  const say = (line: string) => void told.push(line);
  try {
    await playSteps(
      story(newNonces()),
      stagehandOf(stage, (line) => say(`    ${line}`)),
      say,
    );
  } catch (cause) {
    const log = await stage.vmgate(['logs']).catch(() => undefined);
    throw new Error(`${String(cause)}\n${told.join('\n')}\n${log?.stdout ?? ''}`, { cause });
  } finally {
    await stage.close();
  }
  return told.filter((line) => line.startsWith('  seen: '));
}
