/** From `vmgate up` to verified, against the same tunnel brought up by a script that proves nothing. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { interleave, median } from './median.mjs';
import { SITE, startBaseline } from './stand.mjs';

export async function measureUp(stand, runs) {
  const stage = await stand.stage();
  const profile = path.join(await stand.folder(), 'lab.conf');
  await writeFile(profile, stage.lab.profile, { mode: 0o600 });
  const [qemu, image] = [await stand.qemu(), await stand.image('gateway')];
  const cpio = fileURLToPath(new URL('image/cpio.js', stand.dist));
  const phases = [];
  const byVmgate = async () => {
    await stand.vmgate('down');
    // The lab's pass is handed to the supervisor's process; `vmgate up` would start that process itself.
    const began = performance.now();
    await stage.supervise();
    const supervised = performance.now();
    const { stdout } = await stand.vmgate('up', '--json');
    const ended = performance.now();
    await stand.vmgate('down');
    phases.push({ supervisor: supervised - began, command: ended - supervised, ...phasesOf(stdout) });
    return ended - began;
  };
  const byHand = async () => {
    const began = performance.now();
    const script = startBaseline('gateway.mjs', [
      qemu.binary,
      qemu.accel,
      image.folder,
      profile,
      `http://${SITE}/`,
      cpio,
    ]);
    try {
      return (await script.seen('answer: ')) - began;
    } finally {
      await script.stop();
    }
  };
  const [vmgateMs, byHandMs] = await interleave(runs, byVmgate, byHand);
  const parts = Object.keys(phases[0]).map((name) => [`${name}Ms`, median(phases.map((phase) => phase[name] ?? 0))]);
  return { value: vmgateMs / byHandMs, raw: { vmgateMs, byHandMs, ...Object.fromEntries(parts) } };
}

/** How long each phase of the gate lasted, by the times in the events of `up --json`. */
function phasesOf(stdout) {
  const events = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
    .filter(({ code }) => code === 'GATE_PHASE')
    .map(({ at, payload }) => ({ phase: payload.phase, at: Date.parse(at) }));
  return Object.fromEntries(events.slice(0, -1).map(({ phase, at }, index) => [phase, events[index + 1].at - at]));
}
