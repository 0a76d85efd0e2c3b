import { existsSync } from 'node:fs';
import path from 'node:path';
import { VmgateError } from '../../core/coded.ts';
import { settleFile } from '../../home/index.ts';
import { type Run, run } from '../../host/index.ts';
import { errors } from '../codes.ts';
import type { Task } from '../copy-disk.ts';
import { draftOf, importedOf } from '../vm-files.ts';
import { makeVmFolder } from '../vm-folder.ts';
import type { Vm } from '../vm-lock.ts';
import { convertDisk } from './convert.ts';
import type { ImportedDisk } from './source.ts';

/**
 * The disk that `vm` will boot: the given one where QEMU can lay an overlay over it, else a converted copy in the VM's
 * folder. The given one is only read.
 *
 * @throws WORK_VM_NAME_TAKEN, WORK_VM_NO_SPACE, WORK_VM_COPY_FAILED
 */
export async function importDisk(disk: ImportedDisk, vm: Vm, task: Task, runTool: Run = run): Promise<string> {
  if (existsSync(vm.folder)) throw VmgateError.of(errors.WORK_VM_NAME_TAKEN, vm);
  if (disk.format === 'qcow2' || disk.format === 'raw') return disk.path;
  await makeVmFolder(vm, async (folder) => {
    const draft = draftOf(path.join(folder, path.basename(importedOf(folder))));
    await convertDisk(disk, draft, task, runTool);
    await settleFile(draft, importedOf(folder));
  });
  return importedOf(vm.folder);
}
