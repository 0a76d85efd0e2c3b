import { VmgateError } from '../../core/coded.ts';
import { readLockfile } from '../../oci/index.ts';
import { errors } from '../codes.ts';
import type { Context, Input } from '../command.ts';
import { lockFileOf } from './lock-file.ts';

/** The references that were typed, else all that vmgate.lock names. @throws CLI_USAGE, REGISTRY_LOCK_DAMAGED */
export async function lockedNames({ cwd }: Context, input: Input, command: string): Promise<readonly string[]> {
  if (input.args.length > 0) return input.args;
  const { templates } = await readLockfile(lockFileOf(cwd));
  const names = Object.keys(templates);
  if (names.length > 0) return names;
  const message = 'vmgate.lock of this folder names no template';
  throw VmgateError.of(errors.CLI_USAGE, { message, hint: `name one: vmgate ${command} REF`, command });
}
