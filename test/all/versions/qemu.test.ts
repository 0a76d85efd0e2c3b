/** Every QEMU that is supported and to be had: the driver on it, and a whole life of a gate. Takes minutes. */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { Installation } from '../../../src/drivers/index.ts';
import { conformance } from '../../contract/drivers/conformance.ts';
import { filterTests } from '../../contract/drivers/filters.ts';
import { failureTests } from '../../contract/drivers/qemu-failures.ts';
import { qemuSubject } from '../../contract/drivers/qemu-subject.ts';
import { wireTests } from '../../contract/drivers/wires.ts';
import { gateProcesses } from '../../system/leaks/life-scene.ts';
import { compileProgram, type Program } from '../../system/leaks/stage.ts';
import { LIFE_STEPS, liveOnce } from './on-stage.ts';
import { QEMU_RELEASES, unpackQemu } from './qemu-releases.ts';

jest.setTimeout(60_000);

let program: Program;
beforeAll(async () => {
  program = await compileProgram();
}, 120_000);
afterAll(() => program?.remove());

for (const release of QEMU_RELEASES) {
  const qemu = unpackQemu(release);
  if ('obstacle' in qemu) {
    process.stderr.write(`${release.name} is not tried: ${qemu.obstacle}\n`);
    describe.skip(`${release.name} (not here: ${qemu.obstacle})`, () => {
      test('runs a gate', () => {});
    });
    continue;
  }
  const { programs, root } = qemu;
  describe(release.name, () => {
    const installation = new Installation({ forcedAccel: 'tcg', programs });

    test('is the version it is taken for', async () => {
      const { binary, version } = await installation.find('amd64');
      process.stderr.write(`${release.name} is ${version}\n`);
      expect(binary).toBe(programs.amd64);
      expect(version).toMatch(release.version);
    });

    conformance('the driver', qemuSubject(installation));
    filterTests(installation);
    wireTests(installation);
    failureTests(installation);

    test('runs a whole life of a gate', async () => {
      const look = async (stage: Parameters<typeof gateProcesses>[0]) => {
        const machines = (await gateProcesses(stage)).filter((args) => /qemu-system-/.test(args));
        expect(machines).toHaveLength(2);
        expect(machines.filter((args) => !args.startsWith(root))).toEqual([]);
        return 'gateway and work VM run on it';
      };
      expect(await liveOnce(program, { machines: { programs }, look })).toHaveLength(LIFE_STEPS);
    }, 300_000);
  });
}
