/** What a command costs that does next to nothing, against Node doing nothing. */
import { spawnSync } from 'node:child_process';
import { interleave } from './median.mjs';

/** A process costs little; many runs make up for the noise of a busy machine. */
const RUNS_EACH = 8;

export async function measureVersion(stand, runs) {
  return measure(stand, runs, ['--version'], {});
}

/** Of an open gate: the supervisor is asked, and asks the guard. */
export async function measureStatus(stand, runs) {
  const { home } = await stand.openStage();
  return measure(stand, runs, ['status'], { cwd: home.root, env: { ...process.env, VMGATE_HOME: home.root } });
}

async function measure(stand, runs, args, options) {
  const timed = (argv) => {
    const began = performance.now();
    const { status, stderr } = spawnSync(process.execPath, argv, options);
    if (status !== 0) throw new Error(`${argv.join(' ')} ended with ${status}: ${stderr}`);
    return performance.now() - began;
  };
  const command = () => timed([stand.program, ...args]);
  const node = () => timed(['-e', '0']);
  command();
  const [commandMs, nodeMs] = await interleave(runs * RUNS_EACH, command, node);
  return { value: commandMs / nodeMs, raw: { commandMs, nodeMs } };
}
