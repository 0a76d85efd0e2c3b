/**
 * Whether this Node can run vmgate at all. Asked first of all, by the one file that an older Node still loads: the rest
 * would fail on a newer import, with a stack trace for a message.
 */

/** package.json's engines.node; a test compares the two. */
export const OLDEST_NODE = '20.19';

export function isTooOld(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST_NODE.split('.').map(Number);
  return major < oldestMajor || (major === oldestMajor && minor < oldestMinor);
}

/** Plain text even under --json: what would print JSON cannot be loaded. @returns the exit code */
export async function tellTooOld(version: string): Promise<number> {
  const { VmgateError } = await import('../core/coded.ts');
  const { errors } = await import('./codes.ts');
  const { code, what, remedy, exit } = VmgateError.of(errors.CLI_NODE_TOO_OLD, { version, oldest: OLDEST_NODE });
  process.stderr.write(`error ${code}: ${what}\n  next: ${remedy}\n`);
  return exit;
}
