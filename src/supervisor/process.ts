/** What any process that supervises a gate does: the detached one of the CLI, and the lab's with its pass. */
import path from 'node:path';
import { type CodedEvent, occur } from '../core/coded.ts';
import { Installation, QemuGatewayHost, QemuWorkHost } from '../drivers/index.ts';
import { openGate, openHome } from '../home/index.ts';
import { cleanEnvironment, notifyDesktop, withholdMemoryFromCoreDumps } from '../host/index.ts';
import type { LabPass } from '../lab/pass.ts';
import { events } from './codes.ts';
import { Supervisor } from './supervisor.ts';

/** For answers on their way. */
const LINGER_MS = 2_000;

/** Supervises until `down`. Says `ready` on stdout once the socket listens: the CLI waits for that line. */
export async function superviseGate(gate: string, configPath: string, lab?: LabPass): Promise<void> {
  withholdMemoryFromCoreDumps();
  const forcedAccel = process.env['VMGATE_ACCEL'];
  const isQuiet = process.env['VMGATE_NOTIFY'] === 'off';
  const { ignored, alreadyRead } = cleanEnvironment();
  const home = openHome();
  const layout = openGate(home, gate);
  let record: (event: CodedEvent) => void = () => undefined;
  const installation = new Installation({
    cacheFile: path.join(home.root, 'qemu.json'),
    forcedAccel,
    programs: lab?.programs,
    onEvent: (event) => record(event),
  });
  const supervisor = await Supervisor.start({
    gate,
    home,
    layout,
    gatewayHost: new QemuGatewayHost(installation),
    workHost: new QemuWorkHost(installation),
    configPath,
    ignoredEnvironment: ignored,
    ...(isQuiet ? {} : { notify: notifyDesktop }),
    ...(lab === undefined ? {} : { lab }),
  });
  record = (event) => supervisor.record(event);
  if (ignored.length > 0) record(occur(events.GATE_ENVIRONMENT, { ignored, alreadyRead }));
  process.on('SIGTERM', () => supervisor.stop());
  // A terminal that closes, or Ctrl-C in the shell that started it, does not end a gate.
  for (const signal of ['SIGHUP', 'SIGINT'] as const) process.on(signal, () => {});
  // Whoever started it left before it was ready: nobody will ask it for anything.
  process.stdout.on('error', () => supervisor.stop());
  process.stdout.write('ready\n');
  await supervisor.done;
  // Nothing of the gate runs any more; a handle that somebody forgot must not keep the process.
  setTimeout(() => process.exit(), LINGER_MS).unref();
}
