/**
 * Gateway and work VM for arm64, on whatever this machine is: by emulation, on the oldest and the newest QEMU. The lab
 * stays a guest of the host's kind.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { compareRulesets, compileNft } from '../../../src/core/policy/index.ts';
import { Installation } from '../../../src/drivers/index.ts';
import { bootGateway, bootPolicy, controlOf } from '../../system/gateway/booted-gateway.ts';
import { gateProcesses } from '../../system/leaks/life-scene.ts';
import { compileProgram, type Program } from '../../system/leaks/stage.ts';
import { LIFE_STEPS, liveOnce } from './on-stage.ts';
import { QEMU_RELEASES, unpackQemu } from './qemu-releases.ts';

let program: Program;
beforeAll(async () => {
  program = await compileProgram();
}, 120_000);
afterAll(() => program?.remove());

for (const release of [QEMU_RELEASES.at(0), QEMU_RELEASES.at(-1)]) {
  if (release === undefined) continue;
  const qemu = unpackQemu(release);
  if ('obstacle' in qemu) {
    process.stderr.write(`arm64 is not tried on ${release.name}: ${qemu.obstacle}\n`);
    describe.skip(`arm64 on ${release.name} (not here: ${qemu.obstacle})`, () => {
      test('runs a gate', () => {});
    });
    continue;
  }
  const { programs } = qemu;
  describe(`arm64 on ${release.name}`, () => {
    test('the gateway boots, is closed, and has a console', async () => {
      const installation = new Installation({ programs });
      const booted = await bootGateway(undefined, { arch: 'arm64', installation });
      try {
        const control = await controlOf(booted);
        const facts = await control.facts();
        expect(compareRulesets(compileNft(bootPolicy), facts.ruleset)).toEqual([]);
        expect(facts).toMatchObject({ leases: [], tunnel: null });
        expect(booted.gateway.consoleTail()).toMatch(/\S/);
        control.close();
      } finally {
        await booted.stop();
      }
    }, 180_000);

    test('a whole life of a gate', async () => {
      const look = async (stage: Parameters<typeof gateProcesses>[0]) => {
        const machines = (await gateProcesses(stage)).filter((args) => /qemu-system-/.test(args));
        expect(machines).toHaveLength(2);
        expect(machines.filter((args) => !args.includes('/qemu-system-aarch64 '))).toEqual([]);
        const { stdout } = await stage.vmgate(['ssh', 'workvm', '--', 'uname -m']);
        expect(stdout).toBe('aarch64\n');
        return 'gateway and work VM are arm64';
      };
      const seen = await liveOnce(program, { machines: { arch: 'arm64', programs }, look });
      process.stderr.write(`arm64 on ${release.name}:\n${seen.join('\n')}\n`);
      expect(seen).toHaveLength(LIFE_STEPS);
    }, 300_000);
  });
}
