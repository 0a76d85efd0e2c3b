/** A gate on a lab that may have a portal, and somebody who signs in to it. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Stage } from '../../../src/demo/index.ts';
import { findTool } from '../../../src/host/index.ts';
import { LAB } from '../../../src/lab/index.ts';
import { phasesSince, statusOf, until, vmgate } from '../../system/leaks/life-scene.ts';
import type { Runner } from '../proxy/runner.ts';

/** What `vmgate portal --print --json` says first of all that is not an event. */
export interface PrintedWay {
  readonly socks: string;
  readonly port: number;
  readonly url: string;
}

/** The lab's network says when there is a portal, and the gate listens. */
export async function behindPortals(stage: Stage): Promise<void> {
  await vmgate(stage, 'down');
  await stage.supervise(stage.lab.portalPass);
}

export async function phaseOf(stage: Stage): Promise<string> {
  return (await statusOf(stage)).phase;
}

export async function untilPhase(stage: Stage, phase: string, withinMs = 30_000): Promise<void> {
  await until(`the gate is ${phase}`, async () => (await phaseOf(stage)) === phase, withinMs);
}

/** Line by line, until one that is what `pick` looks for. */
export async function said<T>(runner: Runner, pick: (line: unknown) => T | undefined): Promise<T> {
  let found: T | undefined;
  await until(
    'the command says so',
    async () => {
      if (runner.hasEnded) throw new Error(`it ended: ${runner.stdout} ${runner.stderr}`);
      found = runner.lines.map((line) => pick(JSON.parse(line))).find((picked) => picked !== undefined);
      return found !== undefined;
    },
    60_000,
  );
  if (found === undefined) throw new Error('nothing was said');
  return found;
}

export function printedWay(line: unknown): PrintedWay | undefined {
  return typeof line === 'object' && line !== null && 'socks' in line ? (line as PrintedWay) : undefined;
}

/** curl by that address: its status (0 where the proxy refused), and what came. */
export async function page(
  socks: string,
  url: string,
  ...more: readonly string[]
): Promise<{ code: number; body: string }> {
  const curl = findTool('curl') ?? 'curl';
  try {
    const argv = ['-sS', '-m', '15', '-x', socks, '-w', '\n%{http_code}', ...more, url];
    const { stdout } = await promisify(execFile)(curl, argv);
    const end = stdout.lastIndexOf('\n');
    return { code: Number(stdout.slice(end + 1)), body: stdout.slice(0, end) };
  } catch (cause) {
    return { code: 0, body: String(cause) };
  }
}

/** As a person does it, without a browser. */
export function postForm(socks: string): Promise<{ code: number; body: string }> {
  return page(socks, `${LAB.portal.url}login`, '-d', 'room=101');
}

/** Every phase since `mark`, once in a row. */
export function wayOf(stage: Stage, mark: number): readonly string[] {
  return phasesSince(stage, mark)
    .map(({ phase }) => phase)
    .filter((phase, index, all) => phase !== all[index - 1]);
}
