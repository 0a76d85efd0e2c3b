/** From the folder a command is typed in to the gate it means, and to that gate's supervisor. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { LoadedConfig } from '../config/index.ts';
import { VmgateError } from '../core/coded.ts';
import type { GateLayout, HomeLayout } from '../home/index.ts';
import type { SupervisorClient } from '../supervisor/client.ts';
import { type Context, type Input, text } from './command.ts';
import { recentConfig } from './recent-config.ts';

export interface Gate {
  readonly name: string;
  readonly layout: GateLayout;
  /** Undefined where `--gate` named a gate that never came up from a file that is still there. */
  readonly loaded: LoadedConfig | undefined;
  /** Why that file says nothing now. */
  readonly fault?: VmgateError | undefined;
}

export const GATE_OPTION = {
  flags: '--gate <NAME>',
  about: "a gate by name, instead of this folder's vmgate.yaml",
} as const;

export const GATE_NAME = /^[a-z][a-z0-9-]{0,31}$/;

/**
 * The gate of this folder's vmgate.yaml, or the one `--gate` names with the file it last came up from.
 *
 * @throws CONFIG_* when neither says which gate is meant
 */
export async function gateOf(context: Context, input: Input): Promise<Gate> {
  const home = context.home();
  const named = text(input, 'gate');
  if (named === undefined) {
    const loaded = await recentConfig(context.cwd, home).catch(async (cause: unknown) => {
      throw (await import('./gate-unsaid.ts')).withGates(cause, home);
    });
    return { name: loaded.config.gate, layout: home.gate(loaded.config.gate), loaded };
  }
  if (!GATE_NAME.test(named)) {
    const { errors } = await import('./codes.ts');
    const message = `--gate ${JSON.stringify(named.slice(0, 40))} is no gate's name`;
    throw VmgateError.of(errors.CLI_USAGE, { message, hint: 'vmgate status', command: '' });
  }
  const layout = home.gate(named);
  const origin = originOf(layout);
  const { loaded, fault } = await configNaming(named, origin === undefined ? context.cwd : path.dirname(origin), home);
  if (loaded === undefined && !existsSync(layout.folder)) throw await unknownGate(named);
  return { name: named, layout, loaded, fault: origin === undefined ? undefined : fault };
}

/** The file that applies in `folder`, if it is this gate's. A gate that runs is not out of reach for a file that broke. */
async function configNaming(gate: string, folder: string, home: HomeLayout): Promise<Pick<Gate, 'loaded' | 'fault'>> {
  try {
    const loaded = await recentConfig(folder, home);
    return { loaded: loaded.config.gate === gate ? loaded : undefined };
  } catch (cause) {
    if (VmgateError.is(cause) && cause.exit === 2) return { loaded: undefined, fault: cause };
    throw cause;
  }
}

/** A gate that was never up is no gate that is down: the name may be mistyped, and another one open. */
async function unknownGate(gate: string): Promise<VmgateError> {
  const { errors } = await import('../supervisor/index.ts');
  return VmgateError.of(errors.GATE_ORIGIN_GONE, { gate });
}

/** The vmgate.yaml a gate was last brought up from, if it is still there. */
export function originOf(layout: GateLayout): string | undefined {
  if (!existsSync(layout.origin)) return undefined;
  const file = readFileSync(layout.origin, 'utf8').trim();
  return existsSync(file) ? file : undefined;
}

/** A name that vmgate.yaml does not know is the user's error, whatever state the gate is in. */
export async function requireVm(gate: Gate, name: string): Promise<void> {
  const known = gate.loaded?.config.work.map((work) => work.name);
  if (known === undefined || known.includes(name)) return;
  const { errors } = await import('../supervisor/index.ts');
  throw VmgateError.of(errors.GATE_UNKNOWN_VM, { name, known });
}

/** The supervisor, where nothing works without a proven tunnel: a gate without supervisor is down. @throws GATE_NOT_VERIFIED */
export async function requireSupervisor(gate: Gate): Promise<SupervisorClient> {
  const { notVerified, SupervisorClient } = await import('../supervisor/index.ts');
  const client = await SupervisorClient.connect(gate.name, gate.layout);
  if (client === undefined) throw notVerified(gate.name, 'down', undefined);
  return client;
}
