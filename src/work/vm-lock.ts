/**
 * Who may touch a work VM's disks: one process at a time, and nobody while the VM runs. The supervisor holds the same lock
 * while it starts the VM; from then on QEMU's own lock on its pidfile says that it runs.
 */
import { VmgateError } from '../core/coded.ts';
import { acquireLock } from '../home/index.ts';
import { errors } from './codes.ts';
import { lockOf, sweepDrafts } from './vm-files.ts';

export interface Vm {
  readonly name: string;
  readonly folder: string;
}

/** Pid of the process that runs the VM in `folder`. */
export type Holder = (folder: string) => Promise<number | undefined>;

/** `act` with the VM's disks at rest. @throws WORK_VM_RUNNING, WORK_VM_BUSY */
export function whileStopped<T>(vm: Vm, holder: Holder, act: () => Promise<T>): Promise<T> {
  return whileLocked(vm, async () => {
    const pid = await holder(vm.folder);
    if (pid !== undefined) throw VmgateError.of(errors.WORK_VM_RUNNING, { name: vm.name, pid });
    await sweepDrafts(vm.folder);
    return act();
  });
}

/** @throws WORK_VM_BUSY */
export async function whileLocked<T>({ name, folder }: Vm, act: () => Promise<T>): Promise<T> {
  const lock = await acquireLock(lockOf(folder)).catch((cause: unknown) => {
    if (!VmgateError.is(cause) || cause.code !== 'HOME_LOCKED') throw cause;
    const { pid = 0 } = (cause.payload ?? {}) as { readonly pid?: number };
    throw VmgateError.of(errors.WORK_VM_BUSY, { name, pid }, { cause });
  });
  try {
    return await act();
  } finally {
    lock.release();
  }
}
