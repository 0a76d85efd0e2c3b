/** Which receipt a command means. */
import path from 'node:path';
import { receiptPath } from '../trust/index.ts';
import type { Context, Input } from './command.ts';
import { gateOf } from './gate-access.ts';

/** The file that was named, else that of this folder's gate. */
export async function receiptFile(context: Context, input: Input): Promise<string> {
  const [file] = input.args;
  if (file !== undefined) return path.resolve(context.cwd, file);
  return receiptPath((await gateOf(context, input)).layout.receipts);
}
