/** What the tests of a gate's life do on a stage: look at it from outside, hit its processes, let the work VM talk. */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { answering } from '../../../src/cli/running-gate.ts';
import { type Stage, WORK_VM } from '../../../src/demo/index.ts';
import { PCAP_HEADER } from '../../../src/frame/index.ts';
import { readJournal } from '../../../src/home/index.ts';
import type { RunResult } from '../../../src/host/index.ts';
import { LAB, type PassOptions, processes } from '../../../src/lab/index.ts';
import { type StatusReport, statusReport } from '../../../src/supervisor/protocol.ts';

export interface Outcome {
  readonly code: number | undefined;
  /** Code of the error, empty when there was none. */
  readonly fault: string;
  readonly stderr: string;
}

/** The four processes of an open gate with a running work VM. */
export interface Parts {
  readonly supervisor: number;
  readonly guard: number;
  readonly gateway: number;
  readonly work: number;
}
export type Part = keyof Parts;

const LOOK_AGAIN_MS = 200;
/** A wet thumb in the air under emulation on a shared machine; what is usual is a tenth. */
const PATIENCE_MS = 60_000;

export function outcomeOf({ code, stderr }: RunResult): Outcome {
  return { code, fault: /error ([A-Z][A-Z0-9_]+)/.exec(stderr)?.[1] ?? '', stderr };
}

export async function vmgate(stage: Stage, ...args: readonly string[]): Promise<Outcome> {
  return outcomeOf(await stage.vmgate(args));
}

export async function statusOf(stage: Stage): Promise<StatusReport> {
  const { stdout } = await stage.vmgate(['status', '--json']);
  return statusReport.parse(JSON.parse(stdout));
}

/** Output of a line of shell in the work VM. @throws when it failed there */
export async function inside(stage: Stage, line: string): Promise<string> {
  const { code, stdout, stderr } = await stage.vmgate(['ssh', WORK_VM, '--', line]);
  if (code !== 0) throw new Error(`in the work VM: ${line}: status ${code}: ${stderr.slice(-300)}`);
  return stdout;
}

export async function until(
  what: string,
  condition: () => Promise<boolean> | boolean,
  ms = PATIENCE_MS,
  seen: () => string = () => '',
): Promise<void> {
  const deadline = performance.now() + ms;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${ms / 1_000} s: ${what}${seen()}`);
    await delay(LOOK_AGAIN_MS);
  }
}

export async function partsOf(stage: Stage): Promise<Parts> {
  const { supervisor, work } = await statusOf(stage);
  const guard = (await processes()).find(({ parent, args }) => parent === supervisor?.pid && !/qemu/.test(args));
  const gateway = Number(await readFile(path.join(stage.gate.run, 'qemu.pid'), 'utf8'));
  const pid = work.find(({ name }) => name === WORK_VM)?.pid;
  if (supervisor === null || guard === undefined || pid === null || pid === undefined)
    throw new Error('a part is missing');
  return { supervisor: supervisor.pid, guard: guard.pid, gateway, work: pid };
}

/** Command lines of the gate's processes: those that name the stage's home folder, but for its lab. */
export async function gateProcesses(stage: Stage): Promise<readonly string[]> {
  const running = await processes();
  return running.map(({ args }) => args).filter((args) => args.includes(stage.home.root) && !/vmgate-lab/.test(args));
}

/** A phase as the journal has it; it misses none, however short. */
export interface PhaseSeen {
  readonly phase: string;
  readonly why: string;
}

/** Ask for a mark before something happens, for the phases after it. */
export function journalMark(stage: Stage): number {
  return readJournal(stage.gate.journal).length;
}

export function phasesSince(stage: Stage, mark: number): readonly PhaseSeen[] {
  const events = readJournal(stage.gate.journal).slice(mark);
  return events.filter(({ code }) => code === 'GATE_PHASE').map(({ payload }) => payload as PhaseSeen);
}

/** The gate closed after `mark` and is open again: when and why it closed. */
export async function closedAndOpenAgain(stage: Stage, mark: number): Promise<string> {
  const seen = () => phasesSince(stage, mark);
  const story = () => seen().map(({ phase, why }) => `\n  ${phase}: ${why}`);
  await until('the gate closed', () => seen().some(({ phase }) => phase === 'closing'));
  await until(
    'the gate opened again',
    () => seen().at(-1)?.phase === 'open',
    PATIENCE_MS,
    () => story().join(''),
  );
  return seen().find(({ phase }) => phase === 'closing')?.why ?? '';
}

/** Tunnel frames on the untrusted network so far, by the lab's count. */
export async function tunnelFrames(stage: Stage): Promise<number> {
  return (await stage.lab.counts()).tunnel;
}

/** Frames of any kind on the untrusted network meanwhile. */
export async function framesDuring(stage: Stage, ms: number): Promise<number> {
  const sum = async () => Object.values(await stage.lab.counts()).reduce((total, count) => total + count, 0);
  const before = await sum();
  await delay(ms);
  return (await sum()) - before;
}

/** Frames that have no business there: by the lab's count, and by what the guards since the stage opened kept. */
export async function foreignFrames(stage: Stage): Promise<{ readonly lab: number; readonly guard: number }> {
  const { foreign, stranger } = await stage.lab.counts();
  return { lab: foreign + stranger, guard: guardedBytes(stage) };
}

/** Bytes of the frames the guards held back and kept. */
export function guardedBytes({ gate }: Stage): number {
  return Math.max(0, readFileSync(path.join(gate.evidence, 'first.pcap')).length - PCAP_HEADER);
}

export const NONE = { lab: 0, guard: 0 };

/** Downloads without end, 16 KiB at a time, and starts again whenever it breaks off. Slow enough to share a core. */
export function download(): string {
  const sip = '[ "$(head -c 16384 | wc -c)" -gt 0 ]';
  return inBackground(`wget -q -T 2 -O - http://${LAB.site}/endless | while ${sip}; do usleep 100000; done; sleep 0.3`);
}

/**
 * Requests, one after the other; each that succeeded leaves the guest's uptime in /tmp/good, each that failed a line in
 * /tmp/failed. `patience` in seconds.
 */
export function requests(patience: number): string {
  const ask = `wget -q -T ${patience} -O /dev/null http://${LAB.site}/request`;
  return inBackground(
    `if ${ask}; then cut -d" " -f1 /proc/uptime >>/tmp/good; else echo failed >>/tmp/failed; fi; sleep 0.2`,
  );
}

export const FAILED_REQUESTS = 'cat /tmp/failed 2>/dev/null | wc -l';

function inBackground(line: string): string {
  return `(while :; do ${line}; done) </dev/null >/dev/null 2>&1 &`;
}

/**
 * What `vmgate up` does first: a supervisor that holds the lock and does not answer is ended. The one it would then
 * launch has no lab; the stage's takes its place.
 */
export async function superviseAgain(stage: Stage, options: PassOptions = {}): Promise<void> {
  const client = await answering({ name: 'default', layout: stage.gate, loaded: undefined });
  if (client !== undefined) throw new Error('the supervisor still answers');
  await stage.supervise(options);
}
