/** From the folder a command is typed in to the gate it means, and to that gate's supervisor. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
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
}

export const GATE_OPTION = {
  flags: '--gate <NAME>',
  about: "a gate by name, instead of this folder's vmgate.yaml",
} as const;

const GATE_NAME = /^[a-z][a-z0-9-]{0,31}$/;
/** Named in a remedy; whoever has more of them knows their names. */
const MAX_NAMED = 5;

/**
 * The gate of this folder's vmgate.yaml, or the one `--gate` names with the file it last came up from.
 *
 * @throws CONFIG_* when neither says which gate is meant
 */
export async function gateOf(context: Context, input: Input): Promise<Gate> {
  const home = context.home();
  const named = text(input, 'gate');
  if (named === undefined) {
    const loaded = await recentConfig(context.cwd, home).catch((cause: unknown) => {
      throw withGates(cause, gatesOf(home));
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
  const loaded = await configNaming(named, origin === undefined ? context.cwd : path.dirname(origin), home);
  if (loaded === undefined && !existsSync(layout.folder)) throw await unknownGate(named);
  return { name: named, layout, loaded };
}

/**
 * {@link gateOf} for what ends a gate or a part of it: that must not wait until a file that broke is mended. Without
 * `--gate` it is the one gate that last came up from the file.
 *
 * @throws what gateOf does where that does not say which gate is meant
 */
export async function gateToEnd(context: Context, input: Input): Promise<Gate> {
  try {
    return await gateOf(context, input);
  } catch (cause) {
    const home = context.home();
    const name = text(input, 'gate') ?? cameUpFrom(context.cwd, home);
    const isKnown = name !== undefined && GATE_NAME.test(name) && existsSync(home.gate(name).folder);
    if (!VmgateError.is(cause) || !isKnown) throw cause;
    return { name, layout: home.gate(name), loaded: undefined };
  }
}

/** Undefined where no gate or several did. */
function cameUpFrom(cwd: string, home: HomeLayout): string | undefined {
  const file = [cwd, home.root].map((folder) => path.join(folder, 'vmgate.yaml')).find((each) => existsSync(each));
  const [name, ...more] = gatesOf(home).filter((each) => originOf(home.gate(each)) === file && file !== undefined);
  return more.length === 0 ? name : undefined;
}

/** Every gate that there ever was in this home folder. */
function gatesOf({ gates }: HomeLayout): readonly string[] {
  try {
    return readdirSync(gates)
      .filter((name) => GATE_NAME.test(name))
      .sort();
  } catch {
    return [];
  }
}

/** In a folder without vmgate.yaml more often a gate of another one is meant than a new one. */
function withGates(cause: unknown, gates: readonly string[]): unknown {
  if (!VmgateError.is(cause) || cause.code !== 'CONFIG_MISSING' || gates.length === 0) return cause;
  const [only = '', ...more] = gates.slice(0, MAX_NAMED);
  const which = more.length === 0 ? `--gate ${only}` : `--gate NAME (there is: ${[only, ...more].join(', ')})`;
  const remedy = `say which gate is meant: ${which}; a new one begins with: vmgate init`;
  return VmgateError.revive({ ...cause.serialize(), remedy });
}

/** The file that applies in `folder`, if it is this gate's. A gate that runs is not out of reach for a file that broke. */
async function configNaming(gate: string, folder: string, home: HomeLayout): Promise<LoadedConfig | undefined> {
  try {
    const loaded = await recentConfig(folder, home);
    return loaded.config.gate === gate ? loaded : undefined;
  } catch (cause) {
    if (VmgateError.is(cause) && cause.exit === 2) return undefined;
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

/** The supervisor, for what has nothing to do with a proven tunnel. `wanted`: what there is none of. @throws GATE_NOT_UP */
export async function requireUp(gate: Gate, wanted: string): Promise<SupervisorClient> {
  const { errors, SupervisorClient } = await import('../supervisor/index.ts');
  const client = await SupervisorClient.connect(gate.name, gate.layout);
  if (client === undefined) throw VmgateError.of(errors.GATE_NOT_UP, { gate: gate.name, wanted });
  return client;
}

/** GATE_WORK_NOT_RUNNING, which says what comes before `start` where the gate is down. */
export async function notRunning(gate: Gate, name: string): Promise<VmgateError> {
  const { errors, SupervisorClient } = await import('../supervisor/index.ts');
  const client = await SupervisorClient.connect(gate.name, gate.layout);
  client?.close();
  return VmgateError.of(errors.GATE_WORK_NOT_RUNNING, { name, isDown: client === undefined });
}

/** The supervisor, where nothing works without a proven tunnel: a gate without supervisor is down. @throws GATE_NOT_VERIFIED */
export async function requireSupervisor(gate: Gate): Promise<SupervisorClient> {
  const { notVerified, SupervisorClient } = await import('../supervisor/index.ts');
  const client = await SupervisorClient.connect(gate.name, gate.layout);
  if (client === undefined) throw notVerified(gate.name, 'down', undefined);
  return client;
}
