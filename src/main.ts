#!/usr/bin/env node
/**
 * argv -> one command. Nothing is loaded before it is known to be needed: `--version` answers first of all.
 *
 * No `module.enableCompileCache()`: it takes compiled code from a folder in /tmp that anybody on this machine can make
 * first, and saves a bundle next to nothing.
 */
import { isTooOld, tellTooOld } from './cli/oldest-node.ts';
import { version } from './cli/version.ts';

const argv = process.argv.slice(2);
if (argv.length === 1 && (argv[0] === '--version' || argv[0] === '-V')) {
  process.stdout.write(`${version()}\n`);
} else if (isTooOld(process.versions.node)) {
  process.exitCode = await tellTooOld(process.versions.node);
} else {
  const { main } = await import('./cli/run.ts');
  process.exitCode = await main(argv);
}
