/** Every command by name, each loaded only when it is the one that was typed (or when help shows them all). */
import type { Command } from './command.ts';

type Load = () => Promise<Command>;

export const CATALOG: Readonly<Record<string, Load>> = {
  up: async () => (await import('./commands/up.ts')).up,
  start: async () => (await import('./commands/start.ts')).start,
  stop: async () => (await import('./commands/stop.ts')).stop,
  down: async () => (await import('./commands/down.ts')).down,
  status: async () => (await import('./commands/status.ts')).status,
  verify: async () => (await import('./commands/verify.ts')).verify,
};

/** The command that `argv` names (two words first), or undefined. */
export function nameOf(argv: readonly string[]): string | undefined {
  const words = argv.filter((word) => !word.startsWith('-'));
  const two = words.slice(0, 2).join(' ');
  if (two in CATALOG) return two;
  const [one = ''] = words;
  return one in CATALOG ? one : undefined;
}
