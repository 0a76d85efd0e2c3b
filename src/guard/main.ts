/** Entry of the guard's process. */
import { compileMatcher } from '../core/policy/index.ts';
import { runGuard } from './process.ts';

runGuard({
  stdin: process.stdin,
  stdout: process.stdout,
  compile: compileMatcher,
  exit: (status, why) => {
    if (status !== 0) process.stderr.write(`${why}\n`);
    process.exit(status);
  },
});
