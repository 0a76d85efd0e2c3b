/**
 * The guard without its judgement, for anti-tests: same process, same sockets, same deadline, but every frame counts as
 * allowed. What then reaches the lab is what the guard holds back.
 */
import { compileMatcher } from '../core/policy/index.ts';
import { runGuard } from '../guard/index.ts';

runGuard({
  stdin: process.stdin,
  stdout: process.stdout,
  compile: (policy) => {
    const matcher = compileMatcher(policy);
    return {
      match: (buffer, start, end) => matcher.match(buffer, start, end) ?? 'tunnel',
      explain: (frame) => matcher.explain(frame),
    };
  },
  exit: (status, why) => {
    if (status !== 0) process.stderr.write(`${why}\n`);
    process.exit(status);
  },
});
