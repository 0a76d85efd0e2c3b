#!/usr/bin/env node
/** argv -> one command. Nothing is loaded before it is known to be needed: `--version` answers first of all. */
import module from 'node:module';
import { version } from './cli/version.ts';

// Node >= 22.1; on 20 there is no such cache.
(module as { enableCompileCache?: () => void }).enableCompileCache?.();

const argv = process.argv.slice(2);
if (argv.length === 1 && (argv[0] === '--version' || argv[0] === '-V')) {
  process.stdout.write(`${version()}\n`);
} else {
  const { main } = await import('./cli/run.ts');
  process.exitCode = await main(argv);
}
