/** Why a work VM's disks are not changed. */
import { bytesText } from '../core/amounts.ts';
import { error } from '../core/coded.ts';

interface Named {
  readonly name: string;
}

export const vmErrors = {
  WORK_VM_RUNNING: error<Named & { pid: number }>({
    exit: 4,
    source: 'user',
    what: ({ name, pid }) => `work VM ${name} is running: process ${pid} has its disks open`,
    remedy: ({ name }) => `vmgate stop ${name}`,
    sample: { name: 'win', pid: 4_711 },
  }),
  WORK_VM_BUSY: error<Named & { pid: number }>({
    exit: 4,
    source: 'user',
    what: ({ name, pid }) => `process ${pid} is starting work VM ${name} or changing its disks`,
    remedy: ({ pid }) => `wait until it is done: ps -p ${pid}`,
    sample: { name: 'win', pid: 4_711 },
  }),
  WORK_VM_NO_DISK: error<Named & { why: string }>({
    exit: 2,
    source: 'user',
    what: ({ name, why }) => `work VM ${name} has no disk of its own: ${why}`,
    remedy: () => 'vmgate vm ls shows which work VMs have one',
    sample: { name: 'web', why: 'it boots the template tiny and keeps nothing' },
  }),
  WORK_VM_NO_SPACE: error<{ folder: string; neededBytes: number; freeBytes: number }>({
    exit: 3,
    source: 'environment',
    what: ({ folder, neededBytes, freeBytes }) =>
      `this needs up to ${bytesText(neededBytes)} in ${folder}; ${bytesText(freeBytes)} are free`,
    remedy: ({ folder }) => `free some space there, then try again: df -h ${folder}`,
    sample: { folder: '/home/ada/.vmgate/gates/default/vm/win', neededBytes: 4.1e10, freeBytes: 1.2e9 },
  }),
  WORK_VM_COPY_FAILED: error<{ file: string; why: string }>({
    exit: 5,
    source: 'environment',
    what: ({ file, why }) => `${file} could not be written: ${why}; nothing was changed`,
    remedy: ({ file }) => `df -h ${file}   shows whether there is room`,
    sample: { file: '/home/ada/.vmgate/gates/default/vm/win/overlay.qcow2', why: 'no space left on device' },
  }),
  WORK_VM_SHRINK: error<Named & { bytes: number; asked: number }>({
    exit: 2,
    source: 'user',
    what: ({ name, bytes, asked }) =>
      `the disk of work VM ${name} holds ${bytes} bytes and cannot become smaller (${asked})`,
    remedy: () => 'vmgate vm resize only makes a disk larger; the end of a file system would be cut off',
    sample: { name: 'win', bytes: 68_719_476_736, asked: 34_359_738_368 },
  }),
  WORK_VM_NAME_TAKEN: error<Named & { folder: string }>({
    exit: 2,
    source: 'user',
    what: ({ name, folder }) => `there is a work VM ${name} already, or what is left of one, in ${folder}`,
    remedy: ({ name }) => `choose another name, or first: vmgate vm rm ${name}`,
    sample: { name: 'win', folder: '/home/ada/.vmgate/gates/default/vm/win' },
  }),
  WORK_VM_BASE_SHARED: error<Named & { by: string }>({
    exit: 4,
    source: 'user',
    what: ({ name, by }) => `work VM ${by} boots a disk in the folder of work VM ${name}`,
    remedy: ({ by }) => `vmgate vm rm ${by}   first`,
    sample: { name: 'win', by: 'win-copy' },
  }),
  WORK_SNAPSHOT_UNKNOWN: error<Named & { snapshot: string; known: readonly string[] }>({
    exit: 2,
    source: 'user',
    what: ({ name, snapshot, known }) =>
      `work VM ${name} has no snapshot ${JSON.stringify(snapshot)}; there ${known.length === 0 ? 'is none' : `are: ${known.join(', ')}`}`,
    remedy: ({ name }) => `vmgate vm snapshot list ${name}`,
    sample: { name: 'win', snapshot: 'claen', known: ['clean'] },
  }),
  WORK_SNAPSHOT_TAKEN: error<Named & { snapshot: string }>({
    exit: 2,
    source: 'user',
    what: ({ name, snapshot }) => `work VM ${name} has a snapshot ${snapshot} already`,
    remedy: ({ name, snapshot }) => `choose another name, or first: vmgate vm snapshot delete ${name} ${snapshot}`,
    sample: { name: 'win', snapshot: 'clean' },
  }),
  WORK_SNAPSHOT_NAME: error<{ snapshot: string }>({
    exit: 2,
    source: 'user',
    what: ({ snapshot }) => `${JSON.stringify(snapshot)} cannot be the name of a snapshot`,
    remedy: () => 'use 1 to 32 of a-z, 0-9 and "-", beginning with a letter or digit',
    sample: { snapshot: 'Before the update' },
  }),
  WORK_SNAPSHOT_OTHER_BASE: error<Named & { snapshot: string; disk: string }>({
    exit: 4,
    source: 'user',
    what: ({ name, snapshot, disk }) =>
      `snapshot ${snapshot} of work VM ${name} was made over other bytes than ${disk} has today`,
    remedy: ({ name, snapshot }) => `put the old disk back, or: vmgate vm snapshot delete ${name} ${snapshot}`,
    sample: { name: 'win', snapshot: 'clean', disk: '/home/ada/vms/acme.qcow2' },
  }),
};
