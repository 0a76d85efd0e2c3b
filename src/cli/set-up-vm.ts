/** From a work VM that runs to one that is set up: its provision scripts, each once, then its readiness probes. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProvisionStep, ReadyProbe } from '../config/index.ts';
import { occur, VmgateError } from '../core/coded.ts';
import { LineSplitter, monotonicMs, type RunResult, run } from '../host/index.ts';
import {
  workErrors as errors,
  workEvents as events,
  LIST_DONE,
  MAX_DONE_BYTES,
  readDone,
  scriptCommand,
} from '../work/index.ts';
import type { Context } from './command.ts';
import type { Gate } from './gate-access.ts';
import { requireConfirmed } from './project-files.ts';
import { sshOptions } from './ssh-options.ts';

/** Installing a desktop over a slow tunnel; a script that never ends. */
const SCRIPT_SECONDS = 7_200;
const CONNECT_MS = 180_000;
const ATTEMPT_MS = 60_000;
const PAUSE_MS = 1_000;
/** A guest's output is shown as it comes, and not kept. */
const MAX_OUTPUT_BYTES = 2 ** 40;
const EVIDENCE_LINES = 5;
/** Of ssh itself: it did not get through, or the connection broke. */
const SSH_FAILED = 255;
const TOO_LONG = 124;

export interface SetUpOutcome {
  /** Names of the scripts that ran now, and that had run before. */
  readonly ran: readonly string[];
  readonly before: readonly string[];
}

/**
 * Nothing for a VM that has nothing to be set up.
 *
 * @throws WORK_SETUP_UNREACHABLE, WORK_PROVISION_FAILED, WORK_PROVISION_INTERRUPTED, WORK_PROBE_FAILED
 */
export async function setUpVm(context: Context, gate: Gate, name: string): Promise<SetUpOutcome> {
  const { loaded } = gate;
  const { provision = [], ready = [] } = loaded?.config.work.find((work) => work.name === name)?.setUp ?? {};
  if (loaded === undefined || provision.length + ready.length === 0) return { ran: [], before: [] };
  // A script of a file that nobody confirmed since it changed is not run.
  await requireConfirmed(context.home(), loaded);
  const vm = { context, gate, name };
  const done = await alreadyDone(vm);
  const [before, missing] = [provision.filter(isIn(done)), provision.filter((step) => !isIn(done)(step))];
  if (before.length > 0 && missing.length > 0) {
    const [last, next] = [before.at(-1)?.name ?? '', missing[0]?.name ?? ''];
    context.out.event(occur(events.WORK_PROVISION_RESUMED, { name, done: before.length, last, next }));
  }
  for (const step of missing) await provisionBy(vm, step, provision.indexOf(step) + 1, provision.length);
  for (const probe of ready) await waitFor(vm, probe);
  return { ran: missing.map((step) => step.name), before: before.map((step) => step.name) };
}

interface Vm {
  readonly context: Context;
  readonly gate: Gate;
  readonly name: string;
}

function isIn(done: ReadonlySet<string>): (step: ProvisionStep) => boolean {
  return ({ digest }) => done.has(digest);
}

/** The first word with the VM: its ssh server may still be starting. */
async function alreadyDone(vm: Vm): Promise<ReadonlySet<string>> {
  const { name, context } = vm;
  for (const deadline = monotonicMs() + CONNECT_MS; ; await sleep(PAUSE_MS)) {
    const result = await inVm(vm, LIST_DONE, { timeoutMs: ATTEMPT_MS, maxBytes: 2 * MAX_DONE_BYTES });
    if (result.code === 0) return readDone(result.stdout);
    if (context.interrupted.aborted) throw VmgateError.of(errors.WORK_PROVISION_INTERRUPTED, { name, step: '' });
    if (monotonicMs() < deadline) continue;
    const evidence = result.stderr.trim().split('\n').slice(-EVIDENCE_LINES);
    throw VmgateError.of(errors.WORK_SETUP_UNREACHABLE, { name, seconds: CONNECT_MS / 1_000 }, { evidence });
  }
}

async function provisionBy(vm: Vm, step: ProvisionStep, index: number, all: number): Promise<void> {
  const { context, name } = vm;
  context.out.event(occur(events.WORK_PROVISIONING, { name, step: step.name, index, all }));
  const tail: string[] = [];
  const lines = new LineSplitter((line) => {
    tail.push(line);
    if (tail.length > EVIDENCE_LINES) tail.shift();
    context.out.event(occur(events.WORK_PROVISION_OUTPUT, { name, step: step.name, line }));
  });
  const result = await inVm(vm, scriptCommand(SCRIPT_SECONDS, step.digest), {
    stdin: step.script,
    timeoutMs: (SCRIPT_SECONDS + 60) * 1_000,
    maxBytes: MAX_OUTPUT_BYTES,
    onStdout: (chunk) => lines.push(chunk),
  });
  lines.end();
  if (result.code === 0) return;
  if (result.aborted) throw VmgateError.of(errors.WORK_PROVISION_INTERRUPTED, { name, step: step.name });
  const told = result.code === SSH_FAILED ? result.stderr.trim().split('\n').slice(-EVIDENCE_LINES) : [];
  const payload = { name, step: step.name, outcome: outcomeOf(result) };
  throw VmgateError.of(errors.WORK_PROVISION_FAILED, payload, { evidence: [...tail, ...told] });
}

function outcomeOf({ code, timedOut }: RunResult): string {
  if (timedOut || code === TOO_LONG) return `did not end within ${SCRIPT_SECONDS / 60} minutes`;
  if (code === SSH_FAILED) return 'ended with status 255, or the connection to the VM was lost';
  return `ended with status ${code ?? 'unknown'}`;
}

async function waitFor(vm: Vm, { script, hint, withinMs }: ReadyProbe): Promise<void> {
  const { context, name } = vm;
  const deadline = monotonicMs() + withinMs;
  for (let attempt = 0; ; attempt++) {
    const leftMs = Math.max(PAUSE_MS, deadline - monotonicMs());
    const command = scriptCommand(leftMs / 1_000, undefined);
    const result = await inVm(vm, command, { stdin: script, timeoutMs: leftMs + ATTEMPT_MS, maxBytes: 262_144 });
    if (result.code === 0) return;
    if (context.interrupted.aborted) throw VmgateError.of(errors.WORK_PROVISION_INTERRUPTED, { name, step: '' });
    if (monotonicMs() >= deadline) {
      const evidence = [...result.stdout.trim().split('\n').slice(-EVIDENCE_LINES), outcomeOf(result)];
      throw VmgateError.of(errors.WORK_PROBE_FAILED, { name, hint, seconds: withinMs / 1_000 }, { evidence });
    }
    if (attempt === 0) context.out.event(occur(events.WORK_PROBING, { name, hint, seconds: withinMs / 1_000 }));
    await sleep(PAUSE_MS);
  }
}

/** One command in the VM, as root, with the key that vmgate made for it; nothing is asked of anybody. */
function inVm(
  { context, gate, name }: Vm,
  command: string,
  how: Omit<Parameters<typeof run>[0], 'tool' | 'argv' | 'signal'>,
): Promise<RunResult> {
  const options = [...sshOptions(gate, name, context.home().root, 'root'), ...QUIET];
  const argv = ['-F', 'none', '-T', ...options.flatMap(([keyword, value]) => ['-o', `${keyword}=${value}`])];
  return run({ tool: 'ssh', argv: [...argv, '--', name, command], ...how, signal: context.interrupted });
}

const QUIET = [
  ['BatchMode', 'yes'],
  ['LogLevel', 'ERROR'],
  ['ServerAliveInterval', '15'],
  ['ServerAliveCountMax', '8'],
] as const;
