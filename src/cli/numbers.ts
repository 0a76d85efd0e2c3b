import { VmgateError } from '../core/coded.ts';
import { errors } from './codes.ts';

/** @throws CLI_USAGE */
export function positiveInteger(flag: string, written: string | undefined, otherwise: number): number {
  if (written === undefined) return otherwise;
  if (/^[1-9]\d{0,6}$/.test(written)) return Number(written);
  const message = `${flag} ${JSON.stringify(written.slice(0, 40))} is not a count`;
  throw VmgateError.of(errors.CLI_USAGE, { message, hint: `give a number of 1 or more: ${flag} 100`, command: '' });
}
