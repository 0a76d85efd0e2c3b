/** What is done with a gate on every kind of VPN: its life end to end, and being told what is wrong with the gate closed. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, jest, test } from '@jest/globals';
import { type Stage, type StageOptions, WORK_VM } from '../../../src/demo/index.ts';
import { LAB } from '../../../src/lab/index.ts';
import type { ProfileLogin } from '../../../src/vpn/index.ts';
import { foreignFrames, inside, NONE, statusOf, until, vmgate } from '../../system/leaks/life-scene.ts';
import { stageForAll } from '../../system/leaks/stage.ts';

/** From asking to being told. 15 s of it are for the attempt itself; a gateway boots before it under emulation. */
const BOOT_AND_TELL_MS = 60_000;

export const configFor = (profile: string) => `version: 1\nvpn: ${profile}\nwork: {${WORK_VM}: {template: tiny}}\n`;

export class GateScene {
  #stage: Stage | undefined;

  /** For all tests of the file. */
  constructor(vpn: NonNullable<StageOptions['vpn']>, config?: string) {
    jest.setTimeout(300_000);
    stageForAll(
      () => ({ attachment: 'wire', vpn, ...(config === undefined ? {} : { config }) }),
      (opened) => {
        this.#stage = opened;
      },
    );
  }

  get stage(): Stage {
    if (this.#stage === undefined) throw new Error('no test has begun');
    return this.#stage;
  }

  async phase(): Promise<string> {
    return (await statusOf(this.stage)).phase;
  }

  async comesOutAtTheExit(): Promise<void> {
    const address = await inside(this.stage, `timeout 20 wget -qO- http://${LAB.site}/`);
    expect(address.trim()).toBe(LAB.exit);
    await this.nothingForeign();
  }

  async nothingForeign(): Promise<void> {
    expect(await foreignFrames(this.stage)).toEqual(NONE);
  }

  async closes(): Promise<void> {
    await until('the gate closed', async () => (await this.phase()) !== 'open');
  }

  async opensAgain(): Promise<void> {
    await until('the gate is open again', async () => (await this.phase()) === 'open');
    await this.comesOutAtTheExit();
  }

  /** `vmgate up` opens it. */
  async opens(): Promise<void> {
    expect(await vmgate(this.stage, 'up')).toMatchObject({ code: 0 });
    expect(await this.phase()).toBe('open');
  }

  /** The code that `vmgate up` ends with, refused and closed. */
  async told(): Promise<string> {
    await this.stage.supervise();
    const began = performance.now();
    const { code, fault } = await vmgate(this.stage, 'up');
    expect(performance.now() - began).toBeLessThan(BOOT_AND_TELL_MS);
    expect(code).toBe(4);
    expect(await this.phase()).not.toBe('open');
    await this.nothingForeign();
    return fault;
  }

  async use(name: string): Promise<void> {
    await writeFile(path.join(this.stage.home.root, 'vmgate.yaml'), configFor(name));
  }

  async choose(name: string, profile: string, login?: ProfileLogin): Promise<void> {
    await this.stage.addProfile(name, profile, login);
    await this.use(name);
  }

  async logsHide(secret: string): Promise<void> {
    const { stdout, stderr } = await this.stage.vmgate(['logs', '--gateway']);
    expect(`${stdout}${stderr}`).not.toContain(secret);
  }
}

export function testUp(scene: GateScene, kind: string, protocol: 'tcp' | 'udp'): void {
  test('up, start, verify: the work VM comes out at the exit', async () => {
    const { stage } = scene;
    expect(await vmgate(stage, 'up')).toMatchObject({ code: 0 });
    expect(await vmgate(stage, 'start', WORK_VM)).toMatchObject({ code: 0 });
    expect(await vmgate(stage, 'verify')).toMatchObject({ code: 0 });
    await scene.comesOutAtTheExit();
    const { stdout } = await stage.vmgate(['receipt', 'show', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({
      receipt: { tunnel: { kind, endpoint: { ...LAB.endpoint, protocol } } },
    });
  });
}

export function testServerDies(scene: GateScene): void {
  test('the server dies: the gate closes, and opens again when it is back', async () => {
    await scene.stage.lab.server('down');
    await scene.closes();
    await scene.stage.lab.server('up');
    await scene.opensAgain();
  });
}
