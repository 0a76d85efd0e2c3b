import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Config } from '../../config/index.ts';
import { VmgateError } from '../../core/coded.ts';
import { wallMs } from '../../host/index.ts';
import { errors } from '../codes.ts';
import { type Command, type Context, flag, type Input, text } from '../command.ts';
import { version } from '../version.ts';

/** Lab and drill are imported by what is done, not by help. */
export const drill: Command = {
  name: 'drill',
  group: 'Look',
  about: 'try to make a gate like yours leak, in the lab',
  kind: 'action',
  args: [
    { name: 'CASE', optional: true, several: true, about: 'numbers or names of leak cases; all of them unless said' },
  ],
  options: [
    { flags: '--list', about: 'the cases, a line each, and why others are not here' },
    { flags: '--html <FILE>', about: 'the report as one page, in a file that is not there yet' },
    { flags: '--cycles [N]', about: 'fault cycles instead, counted and timed; 200 unless said' },
    { flags: '--lanes <N>', about: 'with --cycles: gates side by side; 3 unless said' },
    { flags: '--anti <N>', about: 'with --cycles: cycles without defences; a tenth unless said, none with 0' },
    { flags: '--seed <N>', about: 'with --cycles: their order; 1 unless said' },
  ],
  notes: [
    'The gate is made after your vmgate.yaml, in a lab of its own: no root, nothing leaves this machine, and no VPN',
    'profile is opened. Each case is tried twice, at a whole gate and with guard and firewall taken away: it is held',
    'when nothing got out of the first and it did get out of the second.',
    'Exit 4: something leaked, or what should have leaked without defences did not. 7: a gate did not come back.',
  ],
  examples: [
    'vmgate drill',
    'vmgate drill dns 13 guard-killed',
    'vmgate drill --html drill.html',
    'vmgate drill --cycles 1000',
  ],
  run: async (context, input) => {
    refuseUnheard(input);
    const cycles = input.options['cycles'];
    if (cycles !== undefined) {
      const { playCycles } = await import('../drill-cycles.ts');
      return playCycles(context, input, cycles === true ? undefined : String(cycles));
    }
    if (flag(input, 'list')) return showCases(context);
    return playCases(context, input);
  },
};

/** An option that would not count is a slip, and what runs in its place takes minutes. @throws CLI_USAGE */
function refuseUnheard({ args, options }: Input): void {
  const given = (...names: readonly string[]) => names.find((name) => options[name] !== undefined);
  const refusal = (message: string, hint: string) => VmgateError.of(errors.CLI_USAGE, { message, hint, command: '' });
  if (given('list') !== undefined) {
    const other = given('html', 'cycles', 'lanes', 'anti', 'seed');
    const unheard = other !== undefined ? `--${other}` : args.length > 0 ? 'a CASE' : undefined;
    if (unheard !== undefined)
      throw refusal(`--list shows every case: ${unheard} says nothing beside it`, 'vmgate drill --list');
  } else if (given('cycles') === undefined) {
    const alone = given('lanes', 'anti', 'seed');
    const hint = `add --cycles: vmgate drill --cycles 200 --${alone} N`;
    if (alone !== undefined) throw refusal(`--${alone} says nothing without --cycles`, hint);
  } else if (given('html') !== undefined) {
    throw refusal('--html is the page of leak cases, and fault cycles have none', 'vmgate drill --cycles 200 --json');
  }
}

async function showCases(context: Context): Promise<number> {
  const { CASES, NOT_HERE, listText } = await import('../../drill/index.ts');
  const cases = CASES.map(({ numbers, name, about }) => ({ numbers, name, about }));
  context.out.result({ cases, notHere: NOT_HERE }, listText());
  return 0;
}

async function playCases(context: Context, input: Input): Promise<number> {
  const { drillPage, drillText, faultOf, reportOf, runDrill, selectCases, setupFrom } = await import(
    '../../drill/index.ts'
  );
  const cases = selectCases(input.args);
  const page = pageOf(context, text(input, 'html'));
  const gate = setupFrom(await ownConfig(context));
  const { buildMissing } = await import('../../demo/index.ts');
  const { images } = context.home();
  const began = wallMs();
  await buildMissing(images, (line) => context.out.progress(line), context.interrupted);
  const tell = (event: Parameters<typeof context.out.event>[0]) => context.out.event(event);
  const findings = await runDrill({ images, cases, gate, tell, signal: context.interrupted });
  const report = reportOf(cases, findings, gate.notes, (wallMs() - began) / 1_000);
  const fault = faultOf(report);
  if (page !== undefined) {
    const { exportFile } = await import('../../evidence/index.ts');
    exportFile([drillPage(report, { made: madeBy(wallMs()) })], page);
  }
  const written = page === undefined ? '' : `\nwritten: ${page}`;
  const result = { ...report, fault: fault?.serialize() ?? null, written: page ?? null };
  context.out.result(result, `${drillText(report)}${written}`);
  if (fault !== undefined && !context.out.json) context.out.failure(fault);
  return fault?.exit ?? (report.outcome === 'interrupted' ? 130 : 0);
}

/** The vmgate.yaml that commands here would use; none is no error. @throws CONFIG_* for one that is wrong */
async function ownConfig({ cwd, home }: Context): Promise<Config | undefined> {
  const layout = home();
  if (![cwd, layout.root].some((folder) => existsSync(path.join(folder, 'vmgate.yaml')))) return undefined;
  const { loadProject } = await import('../project-config.ts');
  return (await loadProject(cwd, layout)).config;
}

/** Before minutes of work are spent on a page that has no place. @throws CLI_USAGE */
function pageOf({ cwd }: Context, named: string | undefined): string | undefined {
  if (named === undefined) return undefined;
  const file = path.resolve(cwd, named);
  const why = existsSync(file) ? 'is there already' : existsSync(path.dirname(file)) ? undefined : 'has no folder';
  if (why === undefined) return file;
  const message = `--html ${JSON.stringify(named.slice(0, 200))} ${why}`;
  throw VmgateError.of(errors.CLI_USAGE, { message, hint: 'name a new file: vmgate drill --html FILE', command: '' });
}

function madeBy(nowMs: number): string {
  const at = new Date(nowMs).toISOString().slice(0, 19).replace('T', ' ');
  return `Made by vmgate ${version()} at ${at} UTC.`;
}
