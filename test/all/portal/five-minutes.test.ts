/**
 * Whoever is let through to a portal is let through for five minutes. The guard ends it on its own clock: here nothing else
 * does, because whoever asked goes on asking.
 */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import type { Stage } from '../../../src/demo/index.ts';
import { MAX_PORTAL_MS } from '../../../src/guard/index.ts';
import { foreignFrames, journalMark, NONE, phasesSince, statusOf, vmgate } from '../../system/leaks/life-scene.ts';
import { type Program, stageForAll } from '../../system/leaks/stage.ts';
import { Runner } from '../proxy/runner.ts';
import { behindPortals, page, phaseOf, printedWay, said, untilPhase } from './portal-scene.ts';

jest.setTimeout(MAX_PORTAL_MS + 120_000);
/** Of a busy machine's, until the command has heard of it. */
const SLACK_MS = 10_000;

let stage: Stage;
let program: Program;
let signingIn: Runner | undefined;

afterAll(() => signingIn?.kill());

stageForAll(
  () => ({ attachment: 'wire', dhcp: true }),
  (opened, compiled) => {
    stage = opened;
    program = compiled;
  },
);

beforeAll(async () => {
  await behindPortals(stage);
  await stage.lab.portal('on');
  expect(await vmgate(stage, 'up')).toMatchObject({ code: 4 });
  await untilPhase(stage, 'portal');
}, 300_000);

test('five minutes, and nothing more is let through, whatever is still asked for', async () => {
  const mark = journalMark(stage);
  const began = performance.now();
  signingIn = new Runner(program, stage, 'portal', '--print', '--json');
  const { socks, url } = await said(signingIn, printedWay);
  let last = -1;
  while (!signingIn.hasEnded && performance.now() - began < MAX_PORTAL_MS + SLACK_MS) {
    const { code } = await page(socks, url, '-m', '3');
    if (code === 200) last = performance.now() - began;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
  const lasted = performance.now() - began;
  process.stderr.write(
    `portal: let through until ${Math.round(last / 1_000)} s, over after ${Math.round(lasted / 1_000)} s\n`,
  );
  expect(await signingIn.end()).toBe(0);
  expect(signingIn.lines.at(-1)).toContain('closed');
  expect(last).toBeGreaterThan(MAX_PORTAL_MS - SLACK_MS);
  expect(last).toBeLessThan(MAX_PORTAL_MS + SLACK_MS);
  expect(phasesSince(stage, mark).find(({ phase }) => phase === 'closing')?.why).toContain(
    '5 minutes, and they are over',
  );
  const before = (await statusOf(stage)).uplink?.passed['portal']?.frames;
  expect(await phaseOf(stage)).not.toBe('sign-in');
  expect((await page(socks, url)).code).toBe(0);
  expect((await statusOf(stage)).uplink?.passed['portal']?.frames ?? 0).toBeLessThanOrEqual(before ?? 0);
  expect(await foreignFrames(stage)).toEqual(NONE);
});
