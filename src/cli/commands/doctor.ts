import { readdirSync } from 'node:fs';
import { VmgateError } from '../../core/coded.ts';
import type { HomeLayout } from '../../home/index.ts';
import { type Command, type Context, flag } from '../command.ts';
import { type Examination, type Finding, faulty } from '../doctor/finding.ts';
import { findingsText, pasteableReport } from '../doctor/report.ts';

export const doctor: Command = {
  name: 'doctor',
  group: 'Look',
  about: 'what is missing or odd on this machine, and what to type',
  kind: 'query',
  options: [{ flags: '--report', about: 'a block to paste into a bug report, without names, addresses and keys' }],
  notes: ['Exit 3 when something is missing or broken; notes alone leave it at 0.'],
  examples: [
    'vmgate doctor',
    'vmgate doctor --report',
    'vmgate doctor --json | jq \'.findings[] | select(.state != "ok")\'',
  ],
  run: async (context, input) => {
    const { home, findings: first } = openedHome(context);
    const findings = [...first, ...(await examine(context, home))];
    const healthy = findings.every(({ state }) => state !== 'wrong');
    const text = flag(input, 'report') ? pasteableReport(findings, namesIn(home)) : findingsText(findings);
    context.out.result({ healthy, findings }, text);
    return healthy ? 0 : 3;
  },
};

/** A home folder that cannot be used is a finding, and the machine is looked at all the same. */
function openedHome(context: Context): { home: HomeLayout | undefined; findings: readonly Finding[] } {
  try {
    return { home: context.home(), findings: [] };
  } catch (cause) {
    return { home: undefined, findings: [faulty('home', cause, 'profiles, images and keys are kept there')] };
  }
}

async function examine(context: Context, home: HomeLayout | undefined): Promise<readonly Finding[]> {
  const { machineExaminations } = await import('../doctor/machine.ts');
  const { installationExaminations } = await import('../doctor/installation.ts');
  const { ignoredEnvironment, outside, cwd } = context;
  const machine = machineExaminations({ home: home?.root, forcedAccel: outside.forcedAccel, ignoredEnvironment });
  const { screenExaminations } = await import('../doctor/screens.ts');
  const installation =
    home === undefined ? [] : [...installationExaminations(home, cwd), ...screenExaminations(home, cwd)];
  return (await Promise.all([...machine, ...installation].map(settled))).flat();
}

/** One examination that cannot be made does not hide the others. */
async function settled(examination: Examination): Promise<readonly Finding[]> {
  try {
    return await examination();
  } catch (cause) {
    if (VmgateError.is(cause)) return [faulty('machine', cause, 'this could not be looked at')];
    throw cause;
  }
}

function namesIn(home: HomeLayout | undefined): readonly string[] {
  if (home === undefined) return [];
  return [home.vpn, home.gates]
    .flatMap((folder) => readdirSync(folder))
    .filter((name) => /^[a-z0-9][a-z0-9-]*$/.test(name));
}
