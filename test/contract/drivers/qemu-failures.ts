/** What a QEMU really says when something is wrong, and what the probe makes of accelerators. */
import { execFile } from 'node:child_process';
import { readdir, rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { WorkSpec } from '../../../src/drivers/driver.ts';
import { type Installation, QemuGatewayHost, QemuWorkHost } from '../../../src/drivers/index.ts';
import { probeAccelerator } from '../../../src/drivers/qemu/accel.ts';
import { type Run, run } from '../../../src/host/index.ts';
import { Stand } from './stand.ts';

const qemuImg = (...argv: string[]) => promisify(execFile)('qemu-img', argv);

/** The same on every QEMU that is tried. */
export function failureTests(installation: Installation): void {
  describe('a machine that cannot start', () => {
    let stand: Stand;
    let host: QemuWorkHost;
    beforeEach(async () => {
      stand = await Stand.build();
      host = new QemuWorkHost(installation);
    });
    afterEach(() => stand.clear());

    const withDisk = (overlay: string, base: string): Partial<WorkSpec> => ({
      boot: { kind: 'disk', overlay, base: { path: base, format: 'raw' } },
    });

    test('for want of its kernel names it', async () => {
      const boot = { kind: 'kernel', kernel: stand.at('gone'), initramfs: stand.at('initramfs'), append: '' } as const;
      const starting = host.start(stand.workSpec({ boot }));
      await expect(starting).rejects.toMatchObject({
        code: 'DRIVER_FILE_MISSING',
        what: expect.stringContaining('gone'),
      });
      await expect(host.isRunning(stand.at('web'))).resolves.toBe(false);
      await expect(readdir(stand.at('web'))).resolves.toEqual([]);
      await expect(readdir(stand.at('w'))).resolves.toEqual([]);
    });

    test('for want of its disk names it', async () => {
      const starting = host.start(stand.workSpec(withDisk(stand.at('no.qcow2'), stand.at('kernel'))));
      await expect(starting).rejects.toMatchObject({
        code: 'DRIVER_FILE_MISSING',
        what: expect.stringContaining('no.qcow2'),
      });
    });

    test('because its disk is in use says which', async () => {
      await qemuImg('create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', stand.at('kernel'), stand.at('disk.qcow2'));
      const disk = withDisk(stand.at('disk.qcow2'), stand.at('kernel'));
      await stand.start(host, stand.workSpec(disk));
      const second = stand.workSpec({ ...disk, name: 'bank', folder: stand.at('bank'), wire: stand.wireTo('work1') });
      await expect(host.start(second)).rejects.toMatchObject({
        code: 'DRIVER_DISK_LOCKED',
        what: expect.stringContaining('disk.qcow2'),
      });
    });

    test('because its disk is no qcow2 at all leaves nothing', async () => {
      const starting = host.start(stand.workSpec(withDisk(stand.at('initramfs'), stand.at('kernel'))));
      await expect(starting).rejects.toMatchObject({ exit: 5 });
      await expect(host.isRunning(stand.at('web'))).resolves.toBe(false);
    });

    test('as a gateway leaves an empty folder: it held keys', async () => {
      const spec = await stand.gatewaySpec();
      await rm(spec.kernel);
      const booting = new QemuGatewayHost(installation).boot(spec);
      await expect(booting).rejects.toMatchObject({ code: 'DRIVER_FILE_MISSING' });
      await expect(readdir(spec.runFolder)).resolves.toEqual([]);
    });
  });

  describe('the accelerator probe', () => {
    const binary = async () => (await installation.find('amd64')).binary;

    test('sees a guest run', async () => {
      await expect(probeAccelerator(await binary(), 'amd64', 'tcg', run)).resolves.toEqual({ works: true });
    });

    test('does not take a machine that never runs for one that works', async () => {
      const frozen: Run = (request) => run({ ...request, argv: [...request.argv, '-S'] });
      const began = Date.now();
      const probe = await probeAccelerator(await binary(), 'amd64', 'tcg', frozen);
      expect(probe).toEqual({ works: false, why: 'no guest instruction ran' });
      expect(Date.now() - began).toBeLessThan(4_000);
    });

    test('of one that this QEMU lacks says so', async () => {
      const probe = await probeAccelerator(await binary(), 'amd64', 'hvf', run);
      if (process.platform === 'linux')
        expect(probe).toMatchObject({ works: false, why: expect.stringContaining('hvf') });
    });
  });
}
