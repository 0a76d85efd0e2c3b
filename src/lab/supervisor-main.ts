/**
 * The supervisor's process for a gate whose uplink is a lab. argv: gate, path of vmgate.yaml, path of a pass plan. No
 * command of the CLI starts it: only src/lab does, for demo, tests and drills.
 */
import { readFileSync } from 'node:fs';
import { openHome } from '../home/index.ts';
import { asFault } from '../supervisor/index.ts';
import { superviseGate } from '../supervisor/process.ts';
import { LabPass, labPassPlan } from './pass.ts';

const [gate = '', configPath = '', planFile = ''] = process.argv.slice(2);
try {
  const plan = labPassPlan.parse(JSON.parse(readFileSync(planFile, 'utf8')));
  const pass = LabPass.of(plan, openHome().gate(gate));
  await superviseGate(gate, configPath, pass);
} catch (cause) {
  process.stderr.write(`${JSON.stringify({ fault: asFault(cause, 'lab supervisor').serialize() })}\n`);
  process.exitCode = 1;
}
