/**
 * The whole way in a real browser: `vmgate portal` opens its Chromium, the portal's page loads its script from a second
 * host, the script posts the form, the portal is gone, the gate opens by itself and the work VM starts.
 */
import { chmodSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, expect, jest, test } from '@jest/globals';
import { type Stage, WORK_VM } from '../../../src/demo/index.ts';
import { LAB } from '../../../src/lab/index.ts';
import { findBrowser } from '../../../src/portal/index.ts';
import { describeUnless, missing } from '../../obstacle.ts';
import { statusOf, vmgate } from '../../system/leaks/life-scene.ts';
import { type Program, stageForAll } from '../../system/leaks/stage.ts';
import { Runner } from '../proxy/runner.ts';
import { behindPortals, untilPhase } from './portal-scene.ts';

jest.setTimeout(240_000);

describeUnless(missing('chromium'), 'a portal in Chromium')('a portal in Chromium', () => {
  let stage: Stage;
  let program: Program;
  let signingIn: Runner | undefined;

  stageForAll(
    () => ({ attachment: 'wire', dhcp: true }),
    (opened, compiled) => {
      stage = opened;
      program = compiled;
    },
  );

  afterAll(() => signingIn?.kill());

  test('signs in, and the gate opens by itself', async () => {
    await behindPortals(stage);
    await stage.lab.portal('on');
    expect(await vmgate(stage, 'up')).toMatchObject({ code: 4 });
    await untilPhase(stage, 'portal');
    // Without a window, and as root.
    const browser = path.join(stage.home.root, 'chromium');
    const flags = '--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage';
    writeFileSync(browser, `#!/bin/sh\nexec ${findBrowser()} ${flags} "$@"\n`);
    chmodSync(browser, 0o755);
    const page = `${LAB.portal.url}?auto`;
    const argv = ['portal', page, '--browser', browser, '--allow', LAB.portal.assets, '--json'];
    signingIn = new Runner(program, stage, ...argv);
    expect(await signingIn.end()).toBe(0);
    expect(signingIn.lines.at(-1)).toContain('signed in');
    await untilPhase(stage, 'open');
    expect(await vmgate(stage, 'start', WORK_VM)).toMatchObject({ code: 0 });
    const { foreign, stranger, portal } = await stage.lab.counts();
    expect({ foreign, stranger, guard: (await statusOf(stage)).uplink?.foreign }).toEqual({
      foreign: 0,
      stranger: 0,
      guard: 0,
    });
    expect(portal).toBeGreaterThan(20);
  });
});
