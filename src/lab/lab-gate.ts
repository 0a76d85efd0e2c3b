/** Puts a gate's supervisor on a lab's uplink; afterwards the ordinary commands talk to it like to any other. */
import path from 'node:path';
import { type HomeLayout, openGate, writeFileAtomic } from '../home/index.ts';
import { programFile } from '../host/index.ts';
import { launchSupervisor } from '../supervisor/index.ts';
import type { LabPass } from './pass.ts';

/** Starts the supervisor of `gate`, down and waiting for `vmgate up`. */
export async function superviseInLab(
  home: HomeLayout,
  gate: string,
  configPath: string,
  pass: LabPass,
  program: string = programFile('lab/supervisor-main'),
): Promise<void> {
  const layout = openGate(home, gate);
  const planFile = path.join(layout.folder, 'lab.json');
  await writeFileAtomic(planFile, JSON.stringify(pass.plan()));
  await launchSupervisor({ gate, layout, home: home.root, configPath, entry: { program, args: [planFile] } });
}
