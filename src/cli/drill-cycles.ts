/** `vmgate drill --cycles`: fault cycles, counted; `npm run cycles` is this. */
import { VmgateError } from '../core/coded.ts';
import type { Progress } from '../drill/index.ts';
import { errors } from './codes.ts';
import { type Context, type Input, text } from './command.ts';
import { positiveInteger } from './numbers.ts';

const CYCLES = 200;
const TELL_EVERY_MS = 10_000;

export async function playCycles(context: Context, input: Input, written: string | undefined): Promise<number> {
  const { out, interrupted } = context;
  if (input.args.length > 0) {
    const message = '--cycles plays faults in an order of their own, and takes no CASE';
    throw VmgateError.of(errors.CLI_USAGE, { message, hint: 'vmgate drill --cycles 200', command: '' });
  }
  const cycles = positiveInteger('--cycles', written, CYCLES);
  const lanes = wholeNumber('--lanes', text(input, 'lanes'));
  const antiCycles = wholeNumber('--anti', text(input, 'anti'));
  const seed = wholeNumber('--seed', text(input, 'seed')) ?? 1;
  const { faultOfCycles, reportText, runCycles } = await import('../drill/index.ts');
  const { buildMissing } = await import('../demo/index.ts');
  const { images } = context.home();
  const say = (line: string) => out.progress(line);
  await buildMissing(images, say, interrupted);
  const report = await runCycles({
    images,
    cycles,
    seed,
    ...(lanes === undefined ? {} : { lanes }),
    ...(antiCycles === undefined ? {} : { antiCycles }),
    onCycle: teller(context),
    say,
    signal: interrupted,
  });
  const fault = faultOfCycles(report);
  out.result({ ...report, fault: fault?.serialize() ?? null }, reportText(report).trimEnd());
  if (fault !== undefined && !out.json) out.failure(fault);
  return fault?.exit ?? (report.interrupted ? 130 : 0);
}

/** @throws CLI_USAGE */
function wholeNumber(name: string, written: string | undefined): number | undefined {
  if (written === undefined || written === '0') return written === undefined ? undefined : 0;
  return positiveInteger(name, written, 0);
}

/** A line that is redrawn on a terminal; elsewhere one every ten seconds. What leaked or got stuck is told at once. */
function teller({ out }: Context): (progress: Progress) => void {
  let told = 0;
  return ({ mode, done, of, cycle, secondsPerCycle }) => {
    const left = Math.round((of - done) * secondsPerCycle);
    const line = `${mode} ${done}/${of}, ${secondsPerCycle.toFixed(2)} s a cycle, ${left} s to go; last: ${cycle.fault}`;
    for (const loud of loudLines(mode, cycle)) {
      out.transient('');
      out.progress(loud);
    }
    if (out.redraws) out.transient(done === of ? '' : line);
    if ((!out.redraws && performance.now() - told > TELL_EVERY_MS) || done === of) {
      told = performance.now();
      out.progress(line);
    }
  };
}

function loudLines(mode: Progress['mode'], { fault, stuck, leaked: { lab, uplink } }: Progress['cycle']): string[] {
  return [
    ...(stuck === undefined ? [] : [`${fault} did not come back: ${stuck}`]),
    ...(mode === 'guarded' && lab + uplink > 0 ? [`${fault} LEAKED: lab ${lab}, uplink ${uplink}`] : []),
    ...(mode === 'bare' && lab + uplink === 0 ? [`${fault} did not leak`] : []),
  ];
}
