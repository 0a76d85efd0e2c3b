/** A gate that is open with its work VM running, also on a machine so busy that a pulse now and then comes too late. */
import { WORK_VM } from '../../../src/demo/index.ts';
import type { Outcome } from './life-scene.ts';

const PATIENCE_MS = 180_000;

/** `run` types a command of vmgate. @throws with the last refusal when it does not come to that in time */
export async function openWithWork(run: (...argv: readonly string[]) => Promise<Outcome>, vm = WORK_VM): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const up = await run('up');
    const started = up.code === 0 ? await run('start', vm) : up;
    if (started.code === 0) return;
    if (performance.now() > deadline) throw new Error(started.stderr);
  }
}
