/** Work VMs: what they boot from, what they are seeded with, how to get in, and the life of their disks. */
export { basesBelow } from './bases.ts';
export { errors as workErrors, events as workEvents } from './codes.ts';
export { digestDisk, type Task } from './copy-disk.ts';
export { type ImageBase, imageBase, newestBase } from './image-disk.ts';
export {
  type ImportedDisk,
  type ImportSource,
  importDisk,
  readImportSource,
  type VboxMachine,
} from './import/index.ts';
export { madeFromDisk, namedDisk } from './oci-disk.ts';
export { describeWork, prepareWork, type WorkPlace } from './prepare.ts';
export { dropDisposable, isDisposable } from './prepare-disk.ts';
export { LIST_DONE, MAX_DONE_BYTES, readDone, scriptCommand } from './set-up-shell.ts';
export { deleteSnapshot, listSnapshots, makeSnapshot, restoreSnapshot, type Snapshot } from './snapshots.ts';
export { type SshAccess, sshAccess } from './ssh-access.ts';
export { compareBase, rebuildDisk, resetDisk, resizeDisk, type VmDisk } from './vm-disk.ts';
export { cloneVm, holdingsOf, removeVmFolder, type VmHoldings, vmFolders } from './vm-folder.ts';
export { type Holder, type Vm, whileLocked, whileStopped } from './vm-lock.ts';
