/**
 * A guard that is none, for anti-tests: every frame counts as allowed, and neither the order to stop, nor the deadline,
 * nor the supervisor's end stops it. It ends with its gateway. What then reaches the lab is what the guard holds back, and
 * what its deadline does. On a wire only: pass.ts.
 */
import { PassThrough, Writable } from 'node:stream';
import { compileMatcher } from '../core/policy/index.ts';
import { runGuard } from '../guard/index.ts';
import { LineSplitter, monotonicMs, wallMs } from '../host/index.ts';

const ARM_MS = 5_000;
const AGAIN_MS = 500;

const orders = new PassThrough();
let generation = 0;

/** Each of a higher generation than the last: only such an order arms again after a policy. */
function arm(): void {
  generation += 1;
  const until = { monotonicMs: monotonicMs() + ARM_MS, wallMs: wallMs() + ARM_MS };
  orders.write(`${JSON.stringify({ type: 'arm', generation, ...until })}\n`);
}

const lines = new LineSplitter((line) => {
  if (/"type":"(arm|disarm)"/.test(line)) return;
  orders.write(`${line}\n`);
  arm();
});
process.stdin.on('data', (chunk: Buffer) => lines.push(chunk));
process.stdin.on('error', () => {});
process.stdout.on('error', () => {});
setInterval(arm, AGAIN_MS);

runGuard({
  stdin: orders,
  stdout: new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      process.stdout.write(chunk);
      if (chunk.includes('"gateway-lost"')) process.exit(0);
      done();
    },
  }),
  compile: (policy) => {
    const matcher = compileMatcher(policy);
    return {
      match: (buffer, start, end) => matcher.match(buffer, start, end) ?? 'tunnel',
      explain: (frame) => matcher.explain(frame),
    };
  },
  exit: (status) => process.exit(status),
});
