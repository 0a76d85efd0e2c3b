import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Config, type LoadedConfig, renderIssue } from '../../config/index.ts';
import { type CodedEvent, occur, VmgateError } from '../../core/coded.ts';
import { openGate, writeFileAtomic } from '../../home/index.ts';
import { escapeLine, hostEvents, monotonicMs, wallMs } from '../../host/index.ts';
import { errors, launchSupervisor, SupervisorClient } from '../../supervisor/index.ts';
import type { Command, Context, Input } from '../command.ts';
import { GATE_OPTION, type Gate, gateOf } from '../gate-access.ts';
import { CODE_OPTION, givenCode } from '../login.ts';
import { requireConfig } from '../policy-config.ts';
import { loadVerified } from '../project-config.ts';
import { requireConfirmed } from '../project-files.ts';
import { answering } from '../running-gate.ts';
import { describeStatus } from '../status-text.ts';
import { upView } from '../up-view.ts';

/** Taking over work VMs and ending what an earlier supervisor left comes before the socket. */
const LISTEN_MS = 15_000;
const POLL_MS = 100;

export const up: Command = {
  name: 'up',
  group: 'Every day',
  about: 'boot the gateway, connect the VPN, prove the tunnel',
  kind: 'action',
  options: [GATE_OPTION, CODE_OPTION],
  notes: [
    'Refused by the network (no answer, wrong exit): exit 4, the gate stays closed and goes on trying. Behind a portal it',
    'waits at a terminal for somebody to sign in (vmgate portal).',
    'Ctrl-C, or an error of this machine: everything is undone.',
  ],
  examples: ['vmgate up', 'vmgate up && vmgate start workvm', 'vmgate up --json'],
  run: async (context, input) => {
    const gate = await gateOf(context, input);
    const home = context.home();
    const loaded = await loadVerified(path.dirname((await requireConfig(gate)).path), home);
    await requireConfirmed(home, loaded);
    tellIgnored(context);
    for (const issue of loaded.notices) context.out.progress(escapeLine(renderIssue(issue)));
    openGate(home, gate.name);
    const running = await answering(gate);
    if (running === undefined) await (await import('../foresee.ts')).foresee(context, loaded);
    const code = running?.greeting.phase === 'open' ? undefined : await codeFor(context, input, loaded);
    const { client, isOurs } = await supervise(context, gate, loaded.path, running);
    try {
      await connect(context, gate, client, {
        config: loaded.path,
        digest: loaded.digest,
        ...(code === undefined ? {} : { code }),
      });
      await autostart(context, gate, loaded.config);
    } catch (cause) {
      client.close();
      const refused = VmgateError.is(cause) && cause.exit === 4;
      if (isOurs && !refused) await undo(gate);
      throw refused ? stillTrying(cause, gate.name) : cause;
    }
    try {
      // The gate stays open for a work VM that could not be set up: `vmgate start` goes on with it.
      await setUpStarted(context, { ...gate, loaded });
      const status = await client.status();
      context.out.result(status, describeStatus(status, wallMs()));
      return 0;
    } finally {
      client.close();
    }
  },
};

/** All at once, each on a connection of its own; the first that fails is the answer, the others go on. */
async function autostart(context: Context, gate: Gate, { work }: Config): Promise<void> {
  const starts = work
    .filter((vm) => vm.autostart)
    .map(async ({ name }) => {
      const client = await listening(gate);
      try {
        await client.ask({ verb: 'start', name }, { onEvent: (event) => context.out.event(event) });
      } finally {
        client.close();
      }
    });
  await Promise.all(starts);
}

async function setUpStarted(context: Context, gate: Gate & { readonly loaded: LoadedConfig }): Promise<void> {
  const started = gate.loaded.config.work.filter((vm) => vm.autostart && vm.setUp !== undefined);
  if (started.length === 0) return;
  const { setUpVm } = await import('../set-up-vm.ts');
  for (const { name } of started) await setUpVm(context, gate, name);
}

/** Nothing a shell sets weakens TLS or adds a proxy; whoever set it is told so. */
function tellIgnored({ ignoredEnvironment: ignored, alreadyRead, out }: Context): void {
  if (ignored.length > 0) out.event(occur(hostEvents.HOST_ENVIRONMENT_IGNORED, { ignored, alreadyRead }));
}

/** Undefined for a VPN whose server asks for none. A profile that cannot be read is the supervisor's to tell of. */
async function codeFor(context: Context, input: Input, loaded: LoadedConfig): Promise<string | undefined> {
  const { loadHops } = await import('../../vpn/index.ts');
  const loading = loadHops(context.home().vpn, loaded.config.vpn[0], loaded);
  const hops = await loading.then(({ profile, through }) => [...through, profile]).catch(() => []);
  const challenge = hops.find(({ plan }) => plan.challenge !== undefined)?.plan.challenge;
  return challenge === undefined ? undefined : givenCode(context, input, challenge);
}

type Asked = { readonly config: string; readonly digest: string; readonly code?: string };

/** Behind a portal, somebody at the terminal waits for whoever signs in. */
async function connect(context: Context, gate: Gate, client: SupervisorClient, asked: Asked): Promise<void> {
  for (;;) {
    try {
      return await connectOnce(context, client, asked);
    } catch (cause) {
      const isPortal = VmgateError.is(cause) && cause.code === 'PORTAL_IN_THE_WAY';
      if (!isPortal || !context.isInteractive) throw cause;
      context.out.progress(`${cause.what}\n${cause.remedy}; Ctrl-C stops waiting`);
      await untilOpen(context, gate);
      // The gate stays as it is, and goes on trying.
      if (context.interrupted.aborted) throw cause;
    }
  }
}

async function untilOpen(context: Context, gate: Gate): Promise<void> {
  const watcher = await SupervisorClient.connect(gate.name, gate.layout);
  if (watcher === undefined) return;
  const open = new AbortController();
  const onEvent = (event: CodedEvent) => {
    if (event.code !== 'GATE_PHASE') return;
    context.out.event(event);
    const { phase } = event.payload as { readonly phase?: unknown };
    if (phase === 'open' || phase === 'violated' || phase === 'down') open.abort();
  };
  try {
    if (watcher.greeting.phase === 'open') return;
    await watcher.ask({ verb: 'watch' }, { onEvent, signal: AbortSignal.any([open.signal, context.interrupted]) });
  } catch {
    // Aborted, or the supervisor is gone: asking again tells.
  } finally {
    watcher.close();
  }
}

async function connectOnce(context: Context, client: SupervisorClient, asked: Asked): Promise<void> {
  const view = upView(context.out, context.outside);
  try {
    await client.ask({ verb: 'up', ...asked }, { onEvent: view.onEvent, signal: context.interrupted });
    await view.end(undefined);
  } catch (cause) {
    await view.end(cause);
    throw cause;
  }
}

/** `isOurs`: this command started it, and nothing ran before that an undo would take away. */
async function supervise(
  context: Context,
  gate: Gate,
  configPath: string,
  running: SupervisorClient | undefined,
): Promise<{ readonly client: SupervisorClient; readonly isOurs: boolean }> {
  if (running !== undefined) return { client: running, isOurs: false };
  let isOurs = true;
  await launchSupervisor({ gate: gate.name, layout: gate.layout, home: context.home().root, configPath }).catch(
    async (cause: unknown) => {
      // Two `up` at once: one of them has the lock, both wait for the same gate.
      if (!VmgateError.is(cause) || cause.code !== 'HOME_LOCKED') throw cause;
      isOurs = false;
    },
  );
  await writeFileAtomic(gate.layout.origin, `${configPath}\n`);
  const client = await listening(gate);
  return { client, isOurs: isOurs && client.greeting.work.every(({ status }) => status === 'stopped') };
}

/** The supervisor another `up` started may have the lock and not listen yet. */
async function listening(gate: Gate): Promise<SupervisorClient> {
  const deadline = monotonicMs() + LISTEN_MS;
  for (;;) {
    try {
      const client = await SupervisorClient.connect(gate.name, gate.layout);
      if (client !== undefined) return client;
      throw VmgateError.of(errors.GATE_SUPERVISOR_DIED, { gate: gate.name, log: gate.layout.supervisorLog });
    } catch (cause) {
      if (monotonicMs() > deadline) throw cause;
      await sleep(POLL_MS);
    }
  }
}

/** Ctrl-C or an error of this machine, before the gate was ever open: nothing is left. */
async function undo(gate: Gate): Promise<void> {
  const client = await SupervisorClient.connect(gate.name, gate.layout).catch(() => undefined);
  await client?.ask({ verb: 'down' }).catch(() => undefined);
  client?.close();
}

/** Refused by the network: the supervisor stays and tries again, and the user is told so. */
function stillTrying(cause: unknown, gate: string): unknown {
  if (!VmgateError.is(cause)) return cause;
  const fault = cause.serialize();
  return VmgateError.revive({
    ...fault,
    remedy: `${fault.remedy.replace(/; vmgate keeps trying.*$/, '')}; vmgate keeps trying in the background (vmgate status), vmgate down --gate ${gate} ends it`,
  });
}
