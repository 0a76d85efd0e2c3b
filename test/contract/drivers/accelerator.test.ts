/** The probe guests on the QEMUs of this machine: emulation runs everything, so there they must end well. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { PROBE_GUESTS, probeAccelerator } from '../../../src/drivers/qemu/accel.ts';
import { Machine } from '../../../src/drivers/qemu/machine.ts';
import { findTool, requireTool, run } from '../../../src/host/index.ts';

const QEMUS = [
  ['amd64', 'qemu-system-x86_64'],
  ['arm64', 'qemu-system-aarch64'],
] as const;

describe.each(QEMUS)('the probe guest of %s', (arch, name) => {
  const binary = findTool(name);
  const here = binary === undefined ? test.skip : test;

  here(
    `ends well under emulation${binary === undefined ? ` (skipped: no ${name} here)` : ''}`,
    async () => {
      await expect(probeAccelerator(binary ?? '', arch, 'tcg', run)).resolves.toEqual({ works: true });
    },
    20_000,
  );
});

/** Only where a KVM gives up can a guest be seen that it gives up on. */
const givesUp = await brokenKvm();
const there = givesUp ? test : test.skip;

there(
  `a machine whose KVM gives up is ended at once${givesUp ? '' : ' (skipped: no such KVM here)'}`,
  async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'vmgate-accel-'));
    try {
      const rom = path.join(folder, 'rom');
      await writeFile(rom, PROBE_GUESTS.amd64.rom);
      const machine = await Machine.launch({
        label: 'the gateway',
        folder,
        binary: requireTool('qemu-system-x86_64'),
        version: '7.2',
        argv: [
          ...['-nodefaults', '-display', 'none', '-m', '32M', '-machine', 'q35', '-accel', 'kvm', '-cpu', 'host'],
          ...['-bios', rom, '-pidfile', path.join(folder, 'qemu.pid'), '-S'],
          ...['-chardev', `socket,id=qmp,path=${path.join(folder, 'qmp.sock')},server=on,wait=off`],
          ...['-mon', 'chardev=qmp,mode=control'],
        ],
      });
      await machine.qmp.execute('cont');
      await expect(machine.ended).resolves.toEqual({
        by: 'unknown',
        detail: expect.stringContaining('VMGATE_ACCEL=tcg'),
      });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
  20_000,
);

async function brokenKvm(): Promise<boolean> {
  const binary = findTool('qemu-system-x86_64');
  if (binary === undefined) return false;
  const probe = await probeAccelerator(binary, 'amd64', 'kvm', run);
  return !probe.works && probe.why.includes('internal error');
}
