/**
 * `vmgate vm import` of what VirtualBox, VMware and QEMU make: as the real qemu-img writes it, and as nobody should.
 *
 * @leakCase 66 none: a VMDK whose extents or parent name files of the host, a differencing VDI and a .vbox that names a disk elsewhere are refused before any tool sees them
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { loadConfig } from '../../../src/config/index.ts';
import { readImportSource } from '../../../src/work/index.ts';
import { qemuImg, randomRaw, VmDesk } from './vm-desk.ts';

const MIB = 1_048_576;
let desk: VmDesk;
beforeEach(async () => {
  desk = await new VmDesk().open();
});
afterEach(() => desk.clear());

const at = (name: string) => path.join(desk.project, name);
const make = (format: string, file: string, ...options: readonly string[]) => {
  randomRaw(at('content.raw'), 2 * MIB);
  qemuImg('convert', '-q', '-f', 'raw', '-O', format, ...options, at('content.raw'), at(file));
  return desk.digest(at(file));
};
const configured = (name: string) => loadConfig(desk.project, desk.home).config.work.find((work) => work.name === name);

describe('taken', () => {
  test.each([
    ['vdi', 'old.vdi', []],
    ['vmdk', 'old.vmdk', []],
    ['vmdk', 'stream.vmdk', ['-o', 'subformat=streamOptimized']],
  ] as const)('%s %s is converted, the original only read', async (format, file, options) => {
    const before = make(format, file, ...options);
    const { exit, stderr } = await desk.vm('import', file, 'acme');
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    expect(desk.digest(at(file))).toBe(before);
    const imported = path.join(desk.layout.gate('default').work('acme'), 'imported.qcow2');
    expect(configured('acme')).toMatchObject({ source: { kind: 'disk', disk: imported }, hardware: 'compat' });
    qemuImg('convert', '-q', '-O', 'raw', imported, at('back.raw'));
    expect(desk.digest(at('back.raw'))).toBe(desk.digest(at('content.raw')));
    expect(readdirSync(path.dirname(imported))).toEqual(['imported.qcow2']);
    expect(desk.read('vmgate.yaml')).toContain('# The one for accounting.');
    expect((await desk.type('trust', '--json')).json()).toMatchObject([{ already: true }]);
    expect((await desk.vm('rm', 'acme', '--yes')).exit).toBe(0);
    expect(desk.digest(at(file))).toBe(before);
  });

  test('qcow2 and raw as they lie there', async () => {
    make('qcow2', 'Acme Old (1).qcow2');
    expect((await desk.vm('import', 'Acme Old (1).qcow2', '--hardware', 'virtio')).exit).toBe(0);
    expect(configured('acme-old-1')).toMatchObject({
      source: { disk: at('Acme Old (1).qcow2') },
      hardware: 'virtio',
      firmware: 'bios',
    });
    expect((await desk.vm('import', 'content.raw', 'raw', '--firmware', 'uefi')).exit).toBe(0);
    expect(configured('raw')).toMatchObject({ source: { disk: at('content.raw') }, firmware: 'uefi' });
    expect(existsSync(desk.layout.gate('default').work('raw'))).toBe(false);
  });

  test('a VirtualBox machine: cpus, memory, firmware, hardware', async () => {
    make('vdi', 'acme.vdi');
    writeFileSync(at('acme.vbox'), vbox({ location: 'acme.vdi' }));
    expect((await desk.vm('import', 'acme.vbox')).exit).toBe(0);
    expect(configured('acme')).toMatchObject({ cpus: 3, memoryMiB: 3_072, firmware: 'uefi', hardware: 'compat' });
  });

  test('a clone of an imported VM keeps its disk from going', async () => {
    make('vdi', 'acme.vdi');
    await desk.vm('import', 'acme.vdi');
    await desk.vm('clone', 'acme', 'twin');
    expect((await desk.vm('rm', 'acme', '--yes')).stderr).toContain('WORK_VM_BASE_SHARED');
    expect((await desk.vm('rm', 'twin', '--yes')).exit).toBe(0);
    expect((await desk.vm('rm', 'acme', '--yes')).exit).toBe(0);
  });
});

describe('case 66: refused, with nothing changed', () => {
  const secret = () => path.join(desk.folder, 'secret.vdi');
  const CASES: readonly (readonly [what: string, file: string, code: string, exit: number, made: () => void])[] = [
    ['an ISO', 'x.iso', 'WORK_IMPORT_KIND', 2, () => writeFileSync(at('x.iso'), 'x')],
    ['nothing there', 'x.vdi', 'WORK_DISK_MISSING', 2, () => undefined],
    ['raw bytes named VDI', 'x.vdi', 'WORK_IMPORT_MISMATCH', 2, () => writeFileSync(at('x.vdi'), 'x'.repeat(512))],
    ['a qcow2 named raw', 'x.raw', 'WORK_IMPORT_MISMATCH', 2, () => void make('qcow2', 'x.raw')],
    ['extents of the host', 'x.vmdk', 'WORK_DISK_EXTENTS', 4, () => writeFileSync(at('x.vmdk'), FLAT)],
    ['extents inside one file', 'x.vmdk', 'WORK_DISK_EXTENTS', 4, () => patch((disk) => disk.writeBigUInt64LE(0n, 12))],
    [
      'an extent elsewhere',
      'x.vmdk',
      'WORK_DISK_EXTENTS',
      4,
      () => replace('x.vmdk"', 'x.vmdk"\nRW 1 FLAT "/etc/shadow" 0'),
    ],
    ['a parent', 'x.vmdk', 'WORK_IMPORT_DIFFERENCING', 2, () => replace('#DDB', 'parentFileNameHint="/etc/shadow"\n#')],
    ['a differencing VDI', 'x.vdi', 'WORK_IMPORT_DIFFERENCING', 2, () => patchVdi((disk) => disk.writeUInt32LE(4, 76))],
    ['a VDI with a parent', 'x.vdi', 'WORK_IMPORT_DIFFERENCING', 2, () => patchVdi((disk) => disk.fill(1, 440, 456))],
    ['a huge VDI', 'x.vdi', 'WORK_DISK_TOO_LARGE', 2, () => patchVdi((disk) => disk.writeBigUInt64LE(2n ** 50n, 368))],
    ['a huge qcow2', 'x.qcow2', 'WORK_DISK_TOO_LARGE', 2, () => qemuImg('create', '-qf', 'qcow2', at('x.qcow2'), '5T')],
    [
      'a backing file',
      'x.qcow2',
      'WORK_DISK_BACKING',
      4,
      () => qemuImg('create', '-quf', 'qcow2', '-F', 'raw', '-b', '/etc/passwd', at('x.qcow2'), '8M'),
    ],
    ['LUKS', 'x.raw', 'WORK_DISK_ENCRYPTED', 2, () => writeFileSync(at('x.raw'), 'LUKS\xba\xbe', 'latin1')],
    ['a .vbox that is none', 'x.vbox', 'WORK_IMPORT_VBOX', 2, () => writeFileSync(at('x.vbox'), '<!DOCTYPE x><x/>')],
    [
      'a .vbox with a disk elsewhere',
      'x.vbox',
      'WORK_IMPORT_DISK_ELSEWHERE',
      4,
      () => {
        writeFileSync(secret(), 'x');
        writeFileSync(at('x.vbox'), vbox({ location: '../secret.vdi' }));
      },
    ],
    [
      'an encrypted .vbox',
      'x.vbox',
      'WORK_DISK_ENCRYPTED',
      2,
      () => writeFileSync(at('x.vbox'), vbox({ inside: '<Property name="CRYPT/KeyStore" value="x"/>' })),
    ],
    [
      'a .vbox with snapshots',
      'x.vbox',
      'WORK_IMPORT_DIFFERENCING',
      2,
      () => writeFileSync(at('x.vbox'), vbox({ uuid: '{9}', inside: '<HardDisk uuid="{1}" location="s.vdi"/>' })),
    ],
  ];

  test.each(CASES)('%s', async (_, file, code, exit, made) => {
    made();
    const before = desk.read('vmgate.yaml');
    const said = await desk.vm('import', file, 'acme');
    expect(said).toMatchObject({ exit, stderr: expect.stringContaining(`error ${code}`) });
    expect(desk.read('vmgate.yaml')).toBe(before);
    expect(existsSync(desk.layout.gate('default').work('acme'))).toBe(false);
    expect(readdirSync(desk.layout.gates).length).toBeLessThan(2);
  });

  test('anti-test: QEMU itself reads what such a VMDK names', async () => {
    mkdirSync(at('inner'));
    writeFileSync(at('inner/secret'), 'a secret of the host'.padEnd(1_024, '.'));
    writeFileSync(at('x.vmdk'), FLAT.replace('/etc/shadow', 'inner/secret'));
    await expect(readImportSource(at('x.vmdk'))).rejects.toMatchObject({ code: 'WORK_DISK_EXTENTS' });
    qemuImg('convert', '-q', '-f', 'vmdk', '-O', 'raw', at('x.vmdk'), at('read.raw'));
    expect(readFileSync(at('read.raw'), 'utf8')).toContain('a secret of the host');
  });

  function patch(change: (disk: Buffer) => void, format = 'vmdk'): void {
    make(format, `x.${format}`);
    const disk = readFileSync(at(`x.${format}`));
    change(disk);
    writeFileSync(at(`x.${format}`), disk);
  }
  function patchVdi(change: (disk: Buffer) => void): void {
    patch(change, 'vdi');
  }
  /** In the embedded descriptor, whose unused rest is zero. */
  function replace(old: string, by: string): void {
    patch((disk) => {
      const text = disk.subarray(512, 10_752).toString('latin1');
      if (!text.includes(old)) throw new Error(`no ${old} in ${text.slice(0, 500)}`);
      disk.write(text.replace(old, () => by).slice(0, 10_240), 512, 'latin1');
    });
  }
});

const FLAT = `# Disk DescriptorFile
version=1
CID=12345678
parentCID=ffffffff
createType="monolithicFlat"

RW 2 FLAT "/etc/shadow" 0

ddb.adapterType = "ide"
`;

/** As VirtualBox 7.0 writes it, without what nobody reads. */
function vbox({ location = 'acme.vdi', uuid = '{1}', inside = '' } = {}): string {
  return `<?xml version="1.0"?>
<!-- ** DO NOT EDIT THIS FILE. -->
<VirtualBox xmlns="http://www.virtualbox.org/" version="1.19-linux">
  <Machine uuid="{7}" name="Acme &amp; Co" OSType="Windows11_64">
    <MediaRegistry><HardDisks>
      <HardDisk uuid="${uuid}" location="${location}" format="VDI" type="Normal">${inside}</HardDisk>
    </HardDisks></MediaRegistry>
    <Hardware>
      <CPU count="3"><PAE enabled="false"/></CPU>
      <Memory RAMSize="3072"/>
      <Firmware type="EFI"/>
      <Network><Adapter slot="0" enabled="true" MACAddress="080027AABBCC" type="82540EM"><NAT/></Adapter></Network>
      <StorageControllers><StorageController name="SATA" type="AHCI" PortCount="1">
        <AttachedDevice type="HardDisk" port="0" device="0"><Image uuid="{1}"/></AttachedDevice>
        <AttachedDevice passthrough="false" type="DVD" port="1" device="0"/>
      </StorageController></StorageControllers>
    </Hardware>
  </Machine>
</VirtualBox>
`;
}
