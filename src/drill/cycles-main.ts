/**
 * npm run cycles -- N [--json] [--lanes N] [--anti N] [--seed N]
 *
 * stdout is the result, stderr the progress. Exit 0: nothing leaked, everything came back, and the anti-run leaked.
 * 4: frames left in clear. 1: the anti-run did not leak, or a gate did not come back. 130: interrupted; what was
 * measured until then is printed.
 */
import { parseArgs } from 'node:util';
import { VmgateError } from '../core/coded.ts';
import { buildMissing } from '../demo/index.ts';
import { homeRoot, layoutOf } from '../home/index.ts';
import { type CyclesReport, type Progress, reportText, runCycles, verdictOf } from './index.ts';

const TELL_EVERY_MS = 10_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    lanes: { type: 'string' },
    anti: { type: 'string' },
    seed: { type: 'string', default: '1' },
  },
});

const say = (line: string) => process.stderr.write(`${line}\n`);
const cycles = whole('N', positionals[0] ?? '200');
const lanes = values.lanes === undefined ? undefined : whole('--lanes', values.lanes);
const antiCycles = values.anti === undefined ? undefined : whole('--anti', values.anti);

const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (interrupted.signal.aborted) return;
    say('\ninterrupted: everything is torn down, then the figures so far are printed');
    interrupted.abort();
  });
}

try {
  const images = layoutOf(homeRoot()).images;
  await buildMissing(images, say, interrupted.signal);
  const report = await runCycles({
    images,
    cycles,
    seed: whole('--seed', values.seed),
    ...(lanes === undefined ? {} : { lanes }),
    ...(antiCycles === undefined ? {} : { antiCycles }),
    onCycle: teller(),
    say,
    signal: interrupted.signal,
  });
  process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : `\n${reportText(report)}`);
  process.exitCode = statusOf(report);
} catch (cause) {
  if (!VmgateError.is(cause)) throw cause;
  say([`error ${cause.code}: ${cause.what}`, ...cause.evidence, cause.remedy].join('\n  '));
  process.exitCode = cause.exit;
}

function statusOf(done: CyclesReport): number {
  const verdict = verdictOf(done);
  if (verdict !== undefined) {
    say([verdict.what, ...verdict.evidence].join('\n  '));
    return verdict.exit;
  }
  if (done.interrupted) return 130;
  return done.guarded.total.stuck > 0 ? 1 : 0;
}

/** A line that is redrawn on a terminal; elsewhere one every ten seconds. What leaked or got stuck is told at once. */
function teller(): (progress: Progress) => void {
  let told = 0;
  return ({ mode, done, of, cycle, secondsPerCycle }) => {
    const left = Math.round((of - done) * secondsPerCycle);
    const line = `${mode} ${done}/${of}, ${secondsPerCycle.toFixed(2)} s a cycle, ${left} s to go; last: ${cycle.fault}`;
    const { lab, uplink } = cycle.leaked;
    const stop = process.stderr.isTTY ? '\r\x1b[K' : '';
    if (cycle.stuck !== undefined) say(`${stop}${cycle.fault} did not come back: ${cycle.stuck}`);
    if (mode === 'guarded' && lab + uplink > 0) say(`${stop}${cycle.fault} LEAKED: lab ${lab}, uplink ${uplink}`);
    if (mode === 'bare' && lab + uplink === 0) say(`${stop}${cycle.fault} did not leak`);
    if (process.stderr.isTTY) process.stderr.write(`${stop}${line}`);
    else if (performance.now() - told > TELL_EVERY_MS || done === of) {
      told = performance.now();
      say(line);
    }
    if (process.stderr.isTTY && done === of) say('');
  };
}

function whole(name: string, text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 0) return number;
  say(`${name} is a whole number, not ${text}`);
  process.exit(2);
}
