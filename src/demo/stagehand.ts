/** What the story needs from a stage, and nothing more; the tests play the story on a faulty one. */
import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';
import type { WitnessedKind } from '../lab/index.ts';
import { type Stage, WORK_VM } from './stage.ts';
import { NotObserved } from './story.ts';

export interface Observed {
  /** One line: what was seen, not what was meant to happen. */
  readonly saw: string;
}

export type FrameTally = Readonly<Record<WitnessedKind, number>>;

export interface Stagehand {
  readonly workVm: string;
  /** Exit status of the real command, and the code of its error. */
  vmgate(...args: readonly string[]): Promise<{ readonly code: number | undefined; readonly fault: string }>;
  status(): Promise<{ readonly phase: string; readonly claim: string | undefined }>;
  /** Runs a line of shell in the work VM, by `vmgate ssh`; its output. */
  inside(line: string): Promise<string>;
  workRuns(): Promise<boolean>;
  workPid(): Promise<number | undefined>;
  /** Source address of the first request for `/nonce` the lab's web server logged since it was last told to forget. */
  requestFrom(nonce: string): Promise<string | undefined>;
  forget(nonce: string): Promise<void>;
  server(state: 'up' | 'down'): Promise<void>;
  /** Frames the untrusted network saw that are neither ARP, DHCP nor the tunnel. */
  leaks(): Promise<number>;
  /** What left the uplink: by the guard's count, and by the lab's. */
  counts(): Promise<readonly [FrameTally, FrameTally]>;
  /** Ends the lab: what it leaves counts too. */
  endLab(): Promise<void>;
  leftovers(): Promise<readonly string[]>;
  /** Resolves when `condition` holds. @throws NotObserved after a minute */
  until(what: string, condition: () => Promise<boolean>): Promise<void>;
  wait(ms: number): Promise<void>;
}

const PATIENCE_MS = 60_000;
const LOOK_AGAIN_MS = 300;

const status = z.object({
  phase: z.string(),
  claim: z.object({ address: z.string().optional() }).nullable(),
  work: z.array(z.object({ name: z.string(), pid: z.number().nullable() })),
  uplink: z.object({ passed: z.record(z.string(), z.object({ frames: z.number() })), foreign: z.number() }).nullable(),
});

/** `onLine` hears what the commands print. */
export function stagehandOf(stage: Stage, onLine: (line: string) => void): Stagehand {
  const read = async () => {
    const { stdout } = await stage.vmgate(['status', '--json']);
    return status.parse(JSON.parse(stdout));
  };
  const forgotten = new Map<string, number>();
  const requests = async (nonce: string) => (await stage.lab.httpLog()).filter(({ path }) => path === `/${nonce}`);
  return {
    workVm: WORK_VM,
    vmgate: async (...args) => {
      onLine(`$ vmgate ${args.join(' ')}`);
      const { code, stderr } = await stage.vmgate(args, onLine);
      return { code, fault: /error ([A-Z][A-Z0-9_]+)/.exec(stderr)?.[1] ?? '' };
    },
    status: async () => {
      const { phase, claim } = await read();
      return { phase, claim: claim?.address };
    },
    inside: async (line) => {
      const { code, stdout, stderr } = await stage.vmgate(['ssh', WORK_VM, '--', line]);
      if (code !== 0) throw new NotObserved(`in the work VM: ${line}: status ${code}: ${stderr.trim().slice(-300)}`);
      return stdout;
    },
    workRuns: () => stage.workRuns(),
    workPid: async () => (await read()).work.find(({ name }) => name === WORK_VM)?.pid ?? undefined,
    requestFrom: async (nonce) => (await requests(nonce))[forgotten.get(nonce) ?? 0]?.source,
    forget: async (nonce) => {
      forgotten.set(nonce, (await requests(nonce)).length);
    },
    server: (state) => stage.lab.server(state),
    leaks: async () => (await stage.lab.witnessed()).foreign,
    counts: async () => {
      // Quiet first: frames on their way are not yet in both counts.
      for (let tries = 0; ; tries += 1) {
        const [before, lab, after] = [await read(), await stage.lab.witnessed(), await read()];
        const [first, last] = [tallyOf(before.uplink), tallyOf(after.uplink)];
        if (JSON.stringify(first) === JSON.stringify(last) || tries > 20) return [last, lab];
      }
    },
    endLab: () => stage.lab.stop(),
    leftovers: () => stage.leftovers(),
    until: async (what, condition) => {
      const deadline = Date.now() + PATIENCE_MS;
      while (!(await condition())) {
        if (Date.now() > deadline) throw new NotObserved(`not within a minute: ${what}`);
        await delay(LOOK_AGAIN_MS);
      }
    },
    wait: (ms) => delay(ms),
  };
}

function tallyOf(uplink: z.infer<typeof status>['uplink']): FrameTally {
  const frames = (kind: string) => uplink?.passed[kind]?.frames ?? 0;
  return { arp: frames('arp'), dhcp: frames('dhcp'), tunnel: frames('tunnel'), foreign: uplink?.foreign ?? 0 };
}
