/** Where a folder's vmgate.yaml does not say which gate is meant: it is not there, or cannot be read. */
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { VmgateError } from '../core/coded.ts';
import type { HomeLayout } from '../home/index.ts';
import { type Context, type Input, text } from './command.ts';
import { GATE_NAME, type Gate, gateOf, originOf } from './gate-access.ts';

/** Named in a remedy; whoever has more of them knows their names. */
const MAX_NAMED = 5;

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
export function withGates(cause: unknown, home: HomeLayout): unknown {
  const gates = gatesOf(home);
  if (!VmgateError.is(cause) || cause.code !== 'CONFIG_MISSING' || gates.length === 0) return cause;
  const [only = '', ...more] = gates.slice(0, MAX_NAMED);
  const which = more.length === 0 ? `--gate ${only}` : `--gate NAME (there is: ${[only, ...more].join(', ')})`;
  const remedy = `say which gate is meant: ${which}; a new one begins with: vmgate init`;
  return VmgateError.revive({ ...cause.serialize(), remedy });
}
