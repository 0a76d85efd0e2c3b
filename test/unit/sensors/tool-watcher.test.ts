/** Tools are real processes: Node one-liners and shell, as src/host/run.ts runs them. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { type RunRequest, type RunResult, run } from '../../../src/host/index.ts';
import { ToolWatcher } from '../../../src/sensors/tool-watcher.ts';

jest.setTimeout(30_000);

const RHYTHM = { firstPauseMs: 20, longestPauseMs: 40, worksMs: 1_500 };

let watcher: ToolWatcher | undefined;
afterEach(() => watcher?.close());

interface Heard {
  changed: number;
  readonly said: string[];
  readonly asked: RunRequest[];
}

/** Each life of the tool is the next of `scripts`, the last one again and again. */
function watch(...scripts: readonly string[]): Heard {
  const heard: Heard = { changed: 0, said: [], asked: [] };
  const runs = (request: RunRequest): Promise<RunResult> => {
    heard.asked.push(request);
    const script = scripts[Math.min(heard.asked.length, scripts.length) - 1] ?? '';
    return run({ ...request, tool: 'sh', argv: ['-c', script] });
  };
  const events = {
    changed: () => {
      heard.changed += 1;
    },
    lost: (why: string) => heard.said.push(`lost: ${why}`),
    back: () => heard.said.push('back'),
  };
  const tool = { name: 'sh', tool: 'sh', argv: [], isLine: (line: string) => line.startsWith('change') };
  watcher = new ToolWatcher(tool, runs, events, RHYTHM);
  return heard;
}

async function until(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error('it did not happen');
    await delay(10);
  }
}

const LIVES = 'sleep 60';

describe('a tool that speaks up', () => {
  test('each line is a reason to look', async () => {
    const heard = watch(`echo change; echo change; ${LIVES}`);
    await until(() => heard.changed === 2);
    expect(heard.said).toEqual([]);
  });

  test.each<[string, string, string]>([
    ['dies', 'echo no such device >&2; exit 3', 'ended with status 3: no such device'],
    ['is killed', 'kill -9 $$', 'was ended by SIGKILL'],
    ['speaks garbage', `while :; do echo '{"surprise": 1}'; done`, 'says what nobody can read'],
    ['floods', 'head -c 20000000 /dev/zero', 'says more than anybody could read'],
  ])('one that %s is told of once, started again, and told of when it works', async (_, script, why) => {
    const heard = watch(script, script, LIVES);
    await until(() => heard.said.includes('back'));
    expect(heard.said).toEqual([`lost: ${why}`, 'back']);
    expect(heard.asked).toHaveLength(3);
    // What happened while it was gone is looked for.
    expect(heard.changed).toBeGreaterThanOrEqual(2);
  });

  test('single lines that nobody knows are no garbage', async () => {
    const heard = watch(`for n in 1 2 3 4 5 6; do echo odd; echo odd; echo change; done; ${LIVES}`);
    await until(() => heard.changed === 18);
    expect(heard.said).toEqual([]);
  });

  test('one that is not installed is told of, and looked for again', async () => {
    const said: string[] = [];
    const events = { changed: () => undefined, lost: (why: string) => said.push(why), back: () => undefined };
    const tool = { name: 'x', tool: 'no-such-tool-anywhere', argv: [], isLine: () => true };
    watcher = new ToolWatcher(tool, run, events, RHYTHM);
    await until(() => said.length > 0);
    await delay(200);
    expect(said).toEqual(['is not there: no-such-tool-anywhere is not installed']);
  });

  test('its time is bounded, and its end then is no loss', async () => {
    const heard = watch('exit 0');
    await until(() => heard.asked.length > 0);
    const [request] = heard.asked;
    expect(request).toMatchObject({ timeoutMs: 3_600_000, maxBytes: 8_388_608 });
    watcher?.close();
    let lives = 0;
    const said: string[] = [];
    const events = { changed: () => undefined, lost: (why: string) => said.push(why), back: () => undefined };
    const ended = async (): Promise<RunResult> => {
      lives += 1;
      const result = await run({ tool: 'sh', argv: ['-c', LIVES], timeoutMs: 30 });
      expect(result.timedOut).toBe(true);
      return result;
    };
    watcher = new ToolWatcher({ name: 'sh', tool: 'sh', argv: [], isLine: () => true }, ended, events, RHYTHM);
    await until(() => lives > 2);
    expect(said).toEqual([]);
  });

  test('it ends with its watcher', async () => {
    const heard = watch(`echo change; ${LIVES}`);
    await until(() => heard.changed === 1);
    watcher?.close();
    const [request] = heard.asked;
    expect(request?.signal?.aborted).toBe(true);
    await delay(100);
    expect(heard.asked).toHaveLength(1);
  });
});
