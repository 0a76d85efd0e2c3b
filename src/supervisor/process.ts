/** What any process that supervises a gate does: the detached one of the CLI, and the lab's with its pass. */
import path from 'node:path';
import { Installation, QemuGatewayHost, QemuWorkHost } from '../drivers/index.ts';
import { openGate, openHome } from '../home/index.ts';
import { cleanEnvironment } from '../host/index.ts';
import type { LabPass } from '../lab/pass.ts';
import { Supervisor } from './supervisor.ts';

/** Supervises until `down`. Says `ready` on stdout once the socket listens: the CLI waits for that line. */
export async function superviseGate(gate: string, configPath: string, lab?: LabPass): Promise<void> {
  const forcedAccel = process.env['VMGATE_ACCEL'];
  const { ignored } = cleanEnvironment();
  const home = openHome();
  const layout = openGate(home, gate);
  const installation = new Installation({ cacheFile: path.join(home.root, 'qemu.json'), forcedAccel });
  const supervisor = await Supervisor.start({
    gate,
    home,
    layout,
    gatewayHost: new QemuGatewayHost(installation),
    workHost: new QemuWorkHost(installation),
    configPath,
    ignoredEnvironment: ignored,
    ...(lab === undefined ? {} : { lab }),
  });
  process.on('SIGTERM', () => supervisor.stop());
  // A terminal that closes, or Ctrl-C in the shell that started it, does not end a gate.
  for (const signal of ['SIGHUP', 'SIGINT'] as const) process.on(signal, () => {});
  process.stdout.write('ready\n');
  await supervisor.done;
}
