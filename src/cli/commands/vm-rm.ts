import { existsSync } from 'node:fs';
import path from 'node:path';
import { withoutWorkVm } from '../../config/index.ts';
import { VmgateError } from '../../core/coded.ts';
import { removeVmFolder, workErrors } from '../../work/index.ts';
import type { Command } from '../command.ts';
import { agreed, YES_OPTION } from '../consent.ts';
import { GATE_OPTION, requireVm } from '../gate-access.ts';
import { atRest, changeConfig, type VmGate, vmGateOf, vmOf } from '../vm-access.ts';

export const vmRm: Command = {
  name: 'vm rm',
  group: 'Set up',
  about: 'forget a stopped work VM, what it wrote and its snapshots; its own disk stays',
  kind: 'action',
  args: [{ name: 'NAME', about: 'a work VM of vmgate vm ls' }],
  options: [YES_OPTION, GATE_OPTION],
  notes: [
    'Takes it out of vmgate.yaml. A disk that vmgate vm import converted goes; what it was converted from stays.',
  ],
  examples: ['vmgate vm rm win-test', 'vmgate vm rm win-test --yes'],
  run: async (context, input) => {
    const [name = ''] = input.args;
    const gate = await vmGateOf(context, input);
    const vm = vmOf(gate, name);
    // What is left of one that vmgate.yaml no longer names is removed, too.
    if (!/^[a-z][a-z0-9-]*$/.test(name) || !existsSync(vm.folder)) await requireVm(gate, name);
    refuseShared(gate, name, vm.folder);
    await atRest(vm, async () => {
      const unsaid = { what: `whether to forget ${name} and what it wrote`, flag: `vmgate vm rm ${name} --yes` };
      if (!(await agreed(context, input, `Forget ${name}, what it wrote and its snapshots?`, unsaid))) {
        context.out.result({ name, removed: false }, 'nothing was changed');
        return;
      }
      await changeConfig(context, gate, (file, text) => withoutWorkVm(file, text, name));
      await removeVmFolder(vm);
      context.out.result({ name, removed: true }, `${name} is gone; its own disk was not touched`);
    });
    return 0;
  },
};

/** A clone of an imported VM boots the disk in the folder of the first. @throws WORK_VM_BASE_SHARED */
function refuseShared({ loaded }: VmGate, name: string, folder: string): void {
  const by = loaded.config.work.find(
    (work) => work.name !== name && work.source.kind === 'disk' && work.source.disk.startsWith(`${folder}${path.sep}`),
  );
  if (by !== undefined) throw VmgateError.of(workErrors.WORK_VM_BASE_SHARED, { name, by: by.name });
}
