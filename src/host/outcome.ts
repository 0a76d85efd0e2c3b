/** Judging a tool's result, and saying what went wrong. */
import path from 'node:path';
import { VmgateError } from '../core/coded.ts';
import { errors } from './codes.ts';
import type { RunResult } from './run.ts';

/**
 * Passes a good result on and turns a bad one into an error that shows the tool's last words.
 * `doing` completes "TOOL failed while ...", e.g. `reading the disk's format`.
 *
 * @throws HOST_TOOL_FAILED
 */
export function expectOk(result: RunResult, doing: string, accepted: readonly number[] = [0]): RunResult {
  const undisturbed = !result.timedOut && !result.aborted && !result.overflowed;
  if (undisturbed && result.code !== undefined && accepted.includes(result.code)) return result;
  const evidence = lastLines(result.stderr === '' ? result.stdout : result.stderr);
  const payload = { ...describe(result.argv), doing, outcome: outcomeOf(result) };
  throw VmgateError.of(errors.HOST_TOOL_FAILED, payload, { evidence });
}

/** Most specific cause first. */
function outcomeOf(result: RunResult): string {
  if (result.timedOut) return `did not end within ${(result.durationMs / 1000).toFixed(1)} s`;
  if (result.aborted) return 'was interrupted';
  if (result.overflowed) return 'printed more than it should';
  if (result.signal !== undefined) return `was ended by ${result.signal}`;
  return `ended with status ${result.code}`;
}

function lastLines(text: string): readonly string[] {
  return text.trimEnd().split('\n').slice(-20);
}

/** Name and pasteable command line of what was run. */
export function describe(argv: readonly string[], tool: string = argv[0] ?? ''): { tool: string; command: string } {
  return { tool: path.basename(tool), command: argv.map(quote).join(' ') };
}

/** For people to paste; never for running. */
function quote(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`;
}
