/** One case of the matrix: a part is hit at one effect, and then everything a user is promised is looked at. */
import { expect } from '@jest/globals';
import type { Strike } from '../../../src/lab/index.ts';
import { NONE, type Outcome, statusOf, until, vmgate } from '../../system/leaks/life-scene.ts';
import type { FaultScene } from './scene.ts';

export const BOOT_MS = 300_000;
export const CASE_MS = 240_000;
/** For `status` on a busy machine; a supervisor that does not answer is given 3 s of them. */
const ANSWER_MS = 15_000;
/** On the work link after the strike, before anything is repaired: a second's worth. */
const FRAMES = 50;
/** The supervisor lingers for answers on their way (process.ts). */
const GONE_MS = 15_000;
/** An `internal error` is never an answer to a process that died. */
const EXPLAINED = [3, 4, 5, 7];

export interface Case {
  readonly strike: Strike;
  /** Ends what the strike froze outside the gate. */
  readonly thaw?: () => void;
  /** Nothing the gate could do brings the part back: `up` says so instead. */
  readonly isBeyondRepair?: boolean;
}

export async function play(scene: FaultScene, { strike, thaw, isBeyondRepair = false }: Case): Promise<void> {
  const { stage } = scene;
  const isSupervisor = strike.part === 'supervisor';
  await scene.supervise(strike);
  const story = scene.upAndStart();
  await scene.struck();
  const sent = scene.sent;
  const isStalled = strike.part === 'gateway' && strike.signal === 'SIGSTOP';
  scene.stall(isStalled);

  const asked = performance.now();
  const status = await vmgate(stage, 'status', '--json');
  expect(performance.now() - asked).toBeLessThan(ANSWER_MS);
  if (!isSupervisor) expect(status.code).toBe(0);
  // The wire goes on being talked to, up to a frozen gateway: what it did not take it will find later.
  if (!isStalled) await until('frames on the work link', () => scene.sent > sent + FRAMES);
  thaw?.();

  if (isSupervisor) await scene.superviseAgain();
  for (const outcome of await story) expectAnswer(outcome);
  scene.stall(false);
  const again = isBeyondRepair ? await scene.upAndStart() : await scene.bringUp();
  if (isBeyondRepair) {
    expect(again).toHaveLength(1);
    expect(EXPLAINED).toContain(again[0]?.code);
    expect(again[0]?.fault).not.toBe('');
  } else {
    expect(again.map(({ code, stderr }) => (code === 0 ? 'done' : stderr))).toEqual(['done', 'done']);
    expect(await statusOf(stage)).toMatchObject({ phase: 'open', uplink: { foreign: 0 } });
  }
  expect(await scene.foreign()).toEqual({ ...NONE, uplink: 0, ...(isBeyondRepair ? { lab: 'gone' } : {}) });

  expect(await scene.down()).toMatchObject({ code: 0 });
  const isGone = async () => (await scene.leftovers()).length === 0;
  await until('nothing is left', isGone, GONE_MS).catch(() => {});
  expect(await scene.leftovers()).toEqual([]);
}

/** Done, or refused with a reason. A command whose supervisor dies under it says that. */
function expectAnswer({ code, fault, stderr }: Outcome): void {
  if (code === 0 || fault === 'GATE_SUPERVISOR_DIED') return;
  expect({ code, fault, stderr }).toMatchObject({ fault: expect.stringMatching(/./) });
  expect(EXPLAINED).toContain(code);
}
