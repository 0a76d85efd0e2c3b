/** A server that asks for a one-time code, of whichever kind. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import type { Stage, StageOptions } from '../../../src/demo/index.ts';
import type { ProfileLogin } from '../../../src/vpn/index.ts';
import { vmgate } from '../../system/leaks/life-scene.ts';
import { configFor, GateScene } from './gate-scene.ts';

interface Coded {
  readonly profile: string;
  readonly login: ProfileLogin;
  /** The one that the server takes. */
  readonly code: string;
}

/** `prepare` makes the lab's server ask. */
export function testCode(vpn: NonNullable<StageOptions['vpn']>, prepare: (stage: Stage) => Promise<Coded>): void {
  const scene = new GateScene(vpn, configFor('coded'));

  async function upWith(code: string) {
    const file = path.join(scene.stage.home.root, 'code');
    await writeFile(file, `${code}\n`, { mode: 0o600 });
    return vmgate(scene.stage, 'up', '--code-file', file);
  }

  test('a code is needed, a wrong one refused, the right one opens the gate, and no retry brings it again', async () => {
    const { stage } = scene;
    const { profile, login, code } = await prepare(stage);
    await stage.addProfile('coded', profile, login);

    expect(await vmgate(stage, 'up')).toMatchObject({ code: 4, fault: 'VPN_CODE_NEEDED' });
    expect(await upWith('000000')).toMatchObject({ code: 4, fault: 'VPN_LOGIN_REFUSED' });
    expect(await scene.phase()).not.toBe('open');
    expect(await upWith(code)).toMatchObject({ code: 0 });
    expect(await scene.phase()).toBe('open');
    await scene.nothingForeign();

    await stage.lab.server('down');
    await scene.closes();
    await stage.lab.server('up');
    expect(await vmgate(stage, 'up')).toMatchObject({ code: 4, fault: 'VPN_CODE_NEEDED' });
  });
}
