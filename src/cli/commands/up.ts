import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { VmgateError } from '../../core/coded.ts';
import { openGate } from '../../home/index.ts';
import { errors, launchSupervisor, type StatusReport, SupervisorClient } from '../../supervisor/index.ts';
import { requireTrusted } from '../../trust/index.ts';
import type { Command, Context } from '../command.ts';
import { type Gate, gateOf } from '../gate-access.ts';
import { answering } from '../running-gate.ts';
import { describeStatus } from '../status-text.ts';

export const up: Command = {
  name: 'up',
  group: 'Every day',
  about: 'boot the gateway, connect the VPN, prove the tunnel',
  kind: 'action',
  examples: ['vmgate up', 'vmgate up && vmgate start workvm', 'vmgate up --json'],
  run: async (context, input) => {
    const gate = gateOf(context, input);
    const { loaded } = gate;
    if (loaded === undefined) return;
    if (loaded.origin === 'project') await confirmed(context, gate);
    openGate(context.home(), gate.name);
    const { client, isOurs } = await supervise(context, gate, loaded.path);
    try {
      const status = (await client.ask(
        { verb: 'up', config: loaded.path, digest: loaded.digest },
        { onEvent: (event) => context.out.event(event), signal: context.interrupted },
      )) as StatusReport;
      for (const { name } of loaded.config.work.filter((work) => work.autostart)) {
        await client.ask({ verb: 'start', name }, { onEvent: (event) => context.out.event(event) });
      }
      context.out.result(status, describeStatus(status));
    } catch (cause) {
      if (context.interrupted.aborted && isOurs) await undo(gate);
      throw explained(cause, gate.name);
    } finally {
      client.close();
    }
  },
};

/** What came with a folder is used only after its contents were confirmed once (P7). */
async function confirmed(context: Context, { loaded }: Gate): Promise<void> {
  if (loaded === undefined) return;
  const folder = path.dirname(loaded.path);
  await requireTrusted(
    context.home().trusted,
    folder,
    loaded.sources.map(({ path: file, digest }) => ({ name: path.basename(file), content: digest })),
  );
}

async function supervise(context: Context, gate: Gate, configPath: string) {
  const running = await answering(gate);
  if (running !== undefined) return { client: running, isOurs: false };
  await launchSupervisor({ gate: gate.name, layout: gate.layout, home: context.home().root, configPath }).catch(
    async (cause: unknown) => {
      // Two `up` at once: one of them has the lock, both wait for the same gate.
      if (!VmgateError.is(cause) || cause.code !== 'HOME_LOCKED') throw cause;
    },
  );
  await writeFile(gate.layout.origin, `${configPath}\n`, { mode: 0o600 });
  const client = await SupervisorClient.connect(gate.name, gate.layout);
  if (client === undefined) {
    throw VmgateError.of(errors.GATE_SUPERVISOR_DIED, { gate: gate.name, log: gate.layout.supervisorLog });
  }
  return { client, isOurs: true };
}

/** Ctrl-C before the gate was ever open: nothing is left. */
async function undo(gate: Gate): Promise<void> {
  const client = await SupervisorClient.connect(gate.name, gate.layout);
  await client?.ask({ verb: 'down' });
  client?.close();
}

/** Refused by the network: the supervisor stays and tries again, and the user is told so. */
function explained(cause: unknown, gate: string): unknown {
  if (!VmgateError.is(cause) || cause.exit !== 4) return cause;
  const fault = cause.serialize();
  return VmgateError.revive({
    ...fault,
    remedy: `${fault.remedy}; vmgate keeps trying in the background (vmgate status), vmgate down --gate ${gate} ends it`,
  });
}
