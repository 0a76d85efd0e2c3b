/** From the folder a command is typed in to the gate it means, and to that gate's supervisor. */
import { type LoadedConfig, loadConfig } from '../config/index.ts';
import { VmgateError } from '../core/coded.ts';
import type { GateLayout } from '../home/index.ts';
import { errors, notVerified, SupervisorClient } from '../supervisor/index.ts';
import { type Context, type Input, text } from './command.ts';

export interface Gate {
  readonly name: string;
  readonly layout: GateLayout;
  /** Undefined where `--gate` named a gate without its folder. */
  readonly loaded: LoadedConfig | undefined;
}

export const GATE_OPTION = {
  flags: '--gate <NAME>',
  about: "a gate by name, instead of this folder's vmgate.yaml",
} as const;

/** @throws CONFIG_* when neither --gate nor a configuration says which gate is meant */
export function gateOf(context: Context, input: Input): Gate {
  const home = context.home();
  const named = text(input, 'gate');
  if (named !== undefined) return { name: named, layout: home.gate(named), loaded: undefined };
  const loaded = loadConfig(context.cwd, home.root);
  return { name: loaded.config.gate, layout: home.gate(loaded.config.gate), loaded };
}

/** A name that vmgate.yaml does not know is the user's error, whatever state the gate is in. */
export function requireVm(gate: Gate, name: string): void {
  const known = gate.loaded?.config.work.map((work) => work.name);
  if (known === undefined || known.includes(name)) return;
  throw VmgateError.of(errors.GATE_UNKNOWN_VM, { name, known });
}

/** The supervisor, where nothing works without one: a gate without supervisor is down. @throws GATE_NOT_VERIFIED */
export async function requireSupervisor(gate: Gate): Promise<SupervisorClient> {
  const client = await SupervisorClient.connect(gate.name, gate.layout);
  if (client === undefined) throw notVerified(gate.name, 'down', undefined);
  return client;
}
