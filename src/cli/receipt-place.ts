/** Which receipt a command means. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { VmgateError } from '../core/coded.ts';
import { receiptPath } from '../trust/index.ts';
import { errors } from './codes.ts';
import type { Context, Input } from './command.ts';
import { gateOf } from './gate-access.ts';

/** The file that was named, else that of this folder's gate. @throws CLI_USAGE for a name of no file */
export async function receiptFile(context: Context, input: Input): Promise<string> {
  const [file] = input.args;
  if (file !== undefined) return namedReceipt(context, file);
  return receiptPath((await gateOf(context, input)).layout.receipts);
}

/** A name that was mistyped says nothing about a gate. @throws CLI_USAGE */
export function namedReceipt({ cwd }: Context, written: string): string {
  const file = path.resolve(cwd, written);
  if (existsSync(file)) return file;
  const hint = "name a receipt that is there, or none for the gate's own";
  throw VmgateError.of(errors.CLI_USAGE, { message: `there is no file ${file}`, hint, command: '' });
}
