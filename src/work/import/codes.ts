/** Why something made elsewhere is not imported. */
import { error } from '../../core/coded.ts';

export const importErrors = {
  WORK_IMPORT_KIND: error<{ file: string }>({
    exit: 2,
    source: 'user',
    what: ({ file }) => `${file} is nothing that vmgate vm import reads, by its name`,
    remedy: () => 'give a .qcow2, .raw, .img, .vdi, .vmdk or .vbox file',
    sample: { file: '/home/ada/vms/acme.iso' },
  }),
  WORK_IMPORT_MISMATCH: error<{ file: string; named: string; found: string }>({
    exit: 2,
    source: 'user',
    what: ({ file, named, found }) => `${file} is named as ${named}, and its bytes are ${found}`,
    remedy: () => 'name it as what it is, or ask whoever gave it to you',
    sample: { file: '/home/ada/vms/acme.vdi', named: 'VDI', found: 'raw' },
  }),
  WORK_IMPORT_VBOX: error<{ file: string; why: string }>({
    exit: 2,
    source: 'user',
    what: ({ file, why }) => `${file} cannot be imported: ${why}`,
    remedy: () => 'import its disk by itself: vmgate vm import DISK.vdi NAME',
    sample: { file: '/home/ada/VirtualBox VMs/acme/acme.vbox', why: 'it has 2 hard disks' },
  }),
  WORK_IMPORT_DISK_ELSEWHERE: error<{ file: string; disk: string }>({
    exit: 4,
    source: 'user',
    what: ({ file, disk }) => `${file} names the disk ${disk}, which is not in its folder`,
    remedy: ({ disk }) => `if that is the disk you mean: vmgate vm import ${disk} NAME`,
    sample: { file: '/home/ada/Downloads/acme.vbox', disk: '/home/ada/secret.vdi' },
  }),
  WORK_IMPORT_DIFFERENCING: error<{ file: string }>({
    exit: 2,
    source: 'user',
    what: ({ file }) => `the disk ${file} holds only what differs from another one: the VM has snapshots`,
    remedy: () => 'delete or merge the snapshots where the VM was made, or clone it there; then import again',
    sample: { file: '/home/ada/VirtualBox VMs/acme/Snapshots/1.vdi' },
  }),
};
