import os from 'node:os';
import path from 'node:path';
import { type WorkEntry, withWorkVm } from '../../config/index.ts';
import { escapeLine } from '../../host/index.ts';
import { type ImportSource, importDisk, readImportSource } from '../../work/index.ts';
import { type Command, text } from '../command.ts';
import { GATE_OPTION } from '../gate-access.ts';
import { changeConfig, requireNewName, shownPath, taskOf, vmGateOf } from '../vm-access.ts';

export const vmImport: Command = {
  name: 'vm import',
  group: 'Set up',
  about: 'a disk or VirtualBox machine made elsewhere, as a work VM of vmgate.yaml',
  kind: 'action',
  args: [
    { name: 'FILE', about: 'X.qcow2, X.raw, X.img, X.vdi, X.vmdk or X.vbox; it is only read' },
    { name: 'NAME', optional: true, about: "name of the work VM; the file's unless said" },
  ],
  options: [
    { flags: '--hardware <KIND>', choices: ['virtio', 'compat'], about: 'compat unless said, or as the .vbox has it' },
    { flags: '--firmware <KIND>', choices: ['bios', 'uefi'], about: 'bios unless said, or as the .vbox has it' },
    GATE_OPTION,
  ],
  notes: [
    'VDI and VMDK are converted into the home folder; over qcow2 and raw disks lies an overlay, where they are.',
    'Network cards, shared folders, passthrough and everything else a .vbox says are left out: a work VM has one wire.',
  ],
  examples: ['vmgate vm import ~/vms/acme.qcow2', "vmgate vm import '~/VirtualBox VMs/acme/acme.vbox' acme"],
  run: async (context, input) => {
    const [file = '', asked] = input.args;
    const gate = await vmGateOf(context, input);
    const source = await readImportSource(path.resolve(context.cwd, file));
    const vm = requireNewName(gate, asked ?? nameFrom(path.parse(file).name), 'vm import');
    const disk = await importDisk(source.disk, vm, taskOf(context, `converting ${source.disk.path}`));
    const said = { hardware: text(input, 'hardware'), firmware: text(input, 'firmware') };
    const entry = entryOf(source, shownPath(disk, os.homedir()), said);
    await changeConfig(context, gate, (yaml, before) => withWorkVm(yaml, before, vm.name, entry));
    const converted = disk !== source.disk.path;
    context.out.result(
      { name: vm.name, file: gate.loaded.path, disk, converted, entry },
      [
        `${vm.name} is named in ${escapeLine(gate.loaded.path)}: ${hardwareText(entry)}`,
        `its disk: ${escapeLine(disk)}${converted ? ', converted' : ', as it is; it is never written'}`,
        `  vmgate up   applies it, then: vmgate start ${vm.name}`,
      ].join('\n'),
    );
    return 0;
  },
};

function entryOf(
  { machine }: ImportSource,
  disk: string,
  said: { readonly hardware: string | undefined; readonly firmware: string | undefined },
): WorkEntry {
  const hardware = said.hardware ?? machine?.hardware ?? 'compat';
  const firmware = said.firmware ?? machine?.firmware ?? 'bios';
  return {
    disk,
    ...(machine === undefined ? {} : { cpus: machine.cpus, memory: `${machine.memoryMiB}MiB` }),
    ...(hardware === 'compat' ? { hardware } : {}),
    ...(firmware === 'uefi' ? { firmware } : {}),
  };
}

function hardwareText({ cpus, memory, hardware, firmware }: WorkEntry): string {
  return [`${cpus ?? 1} CPU`, memory ?? '2GiB', hardware ?? 'virtio', firmware ?? 'bios'].join(', ');
}

/** `Windows 11 (dev)` -> `windows-11-dev`. */
function nameFrom(file: string): string {
  const plain = file
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^[^a-z]+|-+$/g, '');
  return plain.slice(0, 24).replace(/-+$/, '');
}
