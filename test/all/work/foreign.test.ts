/**
 * A disk that was made elsewhere, booted as a work VM: by BIOS and by UEFI, on paravirtual hardware and on old; and what a
 * disposable start leaves of what such a system wrote.
 */
import net from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, expect, jest, test } from '@jest/globals';
import type { Stage } from '../../../src/demo/index.ts';
import { consoleSocket } from '../../../src/drivers/index.ts';
import { describeUnless } from '../../obstacle.ts';
import { vmgate } from '../../system/leaks/life-scene.ts';
import { openWithWork } from '../../system/leaks/persistent-start.ts';
import { stageForAll } from '../../system/leaks/stage.ts';
import { foreignDiskObstacle, makeForeignDisk } from './foreign-disk.ts';

jest.setTimeout(400_000);
const SPEAKS_MS = 120_000;

describeUnless(foreignDiskObstacle(), 'disks made elsewhere')('a disk made elsewhere', () => {
  let stage: Stage;
  stageForAll(
    async (folder) => {
      const disk = await makeForeignDisk(path.join(folder, 'disk'));
      const vm = (more: string) => `{disk: ${JSON.stringify(disk)}, memory: 512MiB${more}}`;
      const work = `{plain: ${vm('')}, old: ${vm(', hardware: compat')}, efi: ${vm(', firmware: uefi')}}`;
      return { attachment: 'wire', config: `version: 1\nvpn: lab\nwork: ${work}\n` };
    },
    (opened) => {
      stage = opened;
    },
  );

  beforeAll(async () => {
    expect(await vmgate(stage, 'up')).toMatchObject({ code: 0 });
  }, 200_000);

  /** What the system says of itself, once it runs. It is stopped afterwards. */
  async function booted(name: string, ...flags: readonly string[]): Promise<string> {
    await openWithWork((verb = '', ...rest) => vmgate(stage, verb, ...rest, ...(verb === 'start' ? flags : [])), name);
    const said = await heard(consoleSocket(stage.gate.work(name)), /foreign: (.*?)\r?\n/);
    expect(await vmgate(stage, 'stop', name)).toMatchObject({ code: 0 });
    return said;
  }

  test('boots by BIOS, on paravirtual disk and card', async () => {
    expect(await booted('plain')).toBe('vda virtio_net bios boots=1');
  });

  test('with --disposable nothing that it writes is there afterwards', async () => {
    expect(await booted('plain', '--disposable')).toBe('vda virtio_net bios boots=2');
    expect(await booted('plain', '--disposable')).toBe('vda virtio_net bios boots=2');
  });

  test('anti-test: without it, what it writes is kept', async () => {
    expect(await booted('plain')).toBe('vda virtio_net bios boots=2');
    expect(await booted('plain')).toBe('vda virtio_net bios boots=3');
  });

  test('boots on a SATA disk and an Intel card with hardware: compat', async () => {
    expect(await booted('old')).toBe('sda e1000e bios boots=1');
  });

  test('boots by UEFI with firmware: uefi', async () => {
    expect(await booted('efi')).toBe('vda virtio_net uefi boots=1');
  });
});

/** The first match in what comes from the console. */
async function heard(socket: string, pattern: RegExp): Promise<string> {
  const stream = net.connect(socket);
  let text = '';
  stream.on('data', (chunk) => {
    text = (text + chunk.toString('latin1')).slice(-65_536);
  });
  try {
    for (const deadline = performance.now() + SPEAKS_MS; ; await delay(200)) {
      const found = pattern.exec(text)?.[1];
      if (found !== undefined) return found;
      if (performance.now() > deadline) throw new Error(`nothing of ${pattern} on ${socket}: ${text.slice(-500)}`);
    }
  } finally {
    stream.destroy();
  }
}
