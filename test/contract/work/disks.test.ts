/**
 * Disks as the real qemu-img makes them: what is refused, what is taken, and what an overlay lies over.
 *
 * @leakCase 66 none: a disk with a backing file, data file, json: or URL inside is refused before QEMU sees it
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Run, run } from '../../../src/host/index.ts';
import { inspectDisk } from '../../../src/work/inspect-disk.ts';
import { createOverlay } from '../../../src/work/overlay.ts';
import { prepareDisk } from '../../../src/work/prepare-disk.ts';

const qemuImg = (...argv: string[]) => promisify(execFile)('qemu-img', argv);
let folder = '';
const at = (name: string) => path.join(folder, name);

/** A Run that fails the test: the image must be refused before any tool sees it. */
const noTool: Run = ({ tool, argv }) => Promise.reject(new Error(`${tool} was run: ${argv.join(' ')}`));

beforeAll(async () => {
  folder = await realpath(await mkdtemp(path.join(os.tmpdir(), 'vmgate-disks-')));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('case 66: refused before any tool sees it', () => {
  const HOSTILE: readonly (readonly [name: string, code: string, named: string, create: readonly string[]])[] = [
    ['host file', 'WORK_DISK_BACKING', '/etc/passwd', ['-u', '-F', 'raw', '-b', '/etc/passwd']],
    ['nbd', 'WORK_DISK_BACKING', 'nbd://192.0.2.1:10809/x', ['-u', '-F', 'raw', '-b', 'nbd://192.0.2.1:10809/x']],
    ['https', 'WORK_DISK_BACKING', 'https://192.0.2.1/x', ['-u', '-F', 'raw', '-b', 'https://192.0.2.1/x']],
    ['json', 'WORK_DISK_BACKING', 'json:{"driver":"nbd"}', ['-u', '-F', 'raw', '-b', 'json:{"driver":"nbd"}']],
    ['version 2', 'WORK_DISK_BACKING', '/etc/passwd', ['-u', '-o', 'compat=0.10', '-F', 'raw', '-b', '/etc/passwd']],
    [
      'large clusters',
      'WORK_DISK_BACKING',
      '/etc/passwd',
      ['-u', '-o', 'cluster_size=2M', '-F', 'raw', '-b', '/etc/passwd'],
    ],
  ];

  test.each(HOSTILE)('%s', async (name, code, named, create) => {
    await qemuImg('create', '-q', '-f', 'qcow2', ...create, at(`${name}.qcow2`), '8M');
    await expect(inspectDisk(at(`${name}.qcow2`), noTool)).rejects.toMatchObject({ code, exit: 4 });
    await expect(inspectDisk(at(`${name}.qcow2`), noTool)).rejects.toThrow(named);
  });

  test('external data file', async () => {
    await qemuImg(
      'create',
      '-q',
      '-f',
      'qcow2',
      '-o',
      `data_file=${at('data.raw')},data_file_raw=on`,
      at('d.qcow2'),
      '8M',
    );
    await expect(inspectDisk(at('d.qcow2'), noTool)).rejects.toMatchObject({ code: 'WORK_DISK_DATA_FILE', exit: 4 });
  });

  test.each(['vmdk', 'vdi', 'vhdx', 'vpc', 'qed', 'qcow'])('%s format', async (format) => {
    await qemuImg('create', '-q', '-f', format, at(`x.${format}`), '8M');
    const inspected = inspectDisk(at(`x.${format}`), noTool);
    await expect(inspected).rejects.toMatchObject({ code: 'WORK_DISK_FORMAT', exit: 2 });
  });

  test('anti-test: uninspected, the guest would read the file of the host', async () => {
    const secret = at('secret.raw');
    await writeFile(secret, 'a secret of the host'.padEnd(65_536, '.'));
    await qemuImg('create', '-q', '-f', 'qcow2', '-u', '-F', 'raw', '-b', secret, at('reads.qcow2'), '64K');
    await expect(inspectDisk(at('reads.qcow2'), noTool)).rejects.toMatchObject({ code: 'WORK_DISK_BACKING' });
    await qemuImg('convert', '-O', 'raw', at('reads.qcow2'), at('read.raw'));
    expect(await readFile(at('read.raw'), 'utf8')).toContain('a secret of the host');
  });

  test('what is no regular file', async () => {
    const server = net.createServer();
    await new Promise<void>((resolve) => server.listen(at('socket'), resolve));
    await mkdir(at('dir'));
    for (const name of [at('socket'), at('dir'), '/dev/null']) {
      await expect(inspectDisk(name, noTool)).rejects.toMatchObject({ code: 'WORK_DISK_NOT_A_FILE', exit: 2 });
    }
    await new Promise((resolve) => server.close(resolve));
    await expect(inspectDisk(at('absent'), noTool)).rejects.toMatchObject({ code: 'WORK_DISK_MISSING', exit: 2 });
    await expect(inspectDisk('nbd://192.0.2.1/x', noTool)).rejects.toMatchObject({ code: 'WORK_DISK_MISSING' });
  });
});

describe('taken', () => {
  test('a plain qcow2, by a symbolic link too', async () => {
    await qemuImg('create', '-q', '-f', 'qcow2', at('plain, really.qcow2'), '8M');
    await symlink(at('plain, really.qcow2'), at('link'));
    const expected = { path: at('plain, really.qcow2'), format: 'qcow2', virtualBytes: 8_388_608 };
    await expect(inspectDisk(at('plain, really.qcow2'))).resolves.toEqual(expected);
    await expect(inspectDisk(at('link'))).resolves.toEqual(expected);
  });

  test('a raw image, without asking any tool', async () => {
    await writeFile(at('disk.img'), Buffer.alloc(4_096, 1));
    const inspected = await inspectDisk(at('disk.img'), noTool);
    expect(inspected).toEqual({ path: at('disk.img'), format: 'raw', virtualBytes: 4_096 });
  });

  test('but not one that qemu-img cannot read', async () => {
    await qemuImg('create', '-q', '-f', 'qcow2', at('torn.qcow2'), '8M');
    const head = Buffer.alloc(512);
    head.write('QFI\xfb', 'latin1');
    head.writeUInt32BE(3, 4);
    head.writeUInt32BE(16, 20);
    head.writeBigUInt64BE(8_388_608n, 24);
    head.writeUInt32BE(104, 100);
    await writeFile(at('torn.qcow2'), head);
    await expect(inspectDisk(at('torn.qcow2'))).rejects.toMatchObject({ code: 'WORK_DISK_CORRUPT' });
  });
});

describe('overlays', () => {
  test('are made once, over the base and with its format, and kept', async () => {
    await qemuImg('create', '-q', '-f', 'qcow2', at('base.qcow2'), '8M');
    await mkdir(at('vm'));
    const base = await inspectDisk(at('base.qcow2'));
    await prepareDisk('win', at('vm'), base, false);
    const { stdout } = await qemuImg('info', '--output=json', at('vm/overlay.qcow2'));
    expect(JSON.parse(stdout)).toMatchObject({
      'backing-filename': base.path,
      'backing-filename-format': 'qcow2',
      'virtual-size': 8_388_608,
    });
    await prepareDisk('win', at('vm'), base, false, noTool);
  });

  test('over another file are refused', async () => {
    await qemuImg('create', '-q', '-f', 'qcow2', at('one.qcow2'), '8M');
    await mkdir(at('vm2'));
    await qemuImg('create', '-q', '-f', 'qcow2', '-u', '-F', 'raw', '-b', '/etc/passwd', at('vm2/overlay.qcow2'), '8M');
    const base = await inspectDisk(at('one.qcow2'));
    const prepared = prepareDisk('win', at('vm2'), base, false, noTool);
    await expect(prepared).rejects.toMatchObject({ code: 'WORK_DISK_OVERLAY_FOREIGN', exit: 4 });
  });

  test('that cannot be made leave nothing half-done', async () => {
    await writeFile(at('r.img'), Buffer.alloc(4_096));
    const base = await inspectDisk(at('r.img'));
    const full: Run = (request) =>
      run({ ...request, tool: 'qemu-img', argv: ['create', '-f', 'qcow2', '/dev/full/x', '1M'] });
    const made = createOverlay(base, at('never.qcow2'), { runTool: full });
    await expect(made).rejects.toMatchObject({ code: 'WORK_DISK_OVERLAY_FAILED', exit: 5 });
    await expect(inspectDisk(at('never.qcow2'))).rejects.toMatchObject({ code: 'WORK_DISK_MISSING' });
    await expect(inspectDisk(at('never.qcow2.new'))).rejects.toMatchObject({ code: 'WORK_DISK_MISSING' });
  });
});
