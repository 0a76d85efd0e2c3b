import { parseSizeMiB } from '../../config/index.ts';
import { VmgateError } from '../../core/coded.ts';
import { resizeDisk } from '../../work/index.ts';
import { errors } from '../codes.ts';
import type { Command } from '../command.ts';
import { GATE_OPTION } from '../gate-access.ts';
import { atRest, taskOf, vmDiskOf, vmGateOf } from '../vm-access.ts';

const MIB = 1_048_576;
const MOST_MIB = 4_194_304;

export const vmResize: Command = {
  name: 'vm resize',
  group: 'Set up',
  about: "make a stopped work VM's disk larger",
  kind: 'action',
  args: [
    { name: 'NAME', about: 'a work VM of vmgate.yaml that boots a disk' },
    { name: 'SIZE', about: 'in MiB or GiB, for example 80GiB' },
  ],
  options: [GATE_OPTION],
  notes: ['Partitions and file systems inside grow by the tools of the VM. The disk in vmgate.yaml is not changed.'],
  examples: ['vmgate vm resize win 80GiB'],
  run: async (context, input) => {
    const [name = '', size = ''] = input.args;
    const mib = parseSizeMiB(size);
    if (mib === undefined || mib < 1 || mib > MOST_MIB) {
      const message = `${JSON.stringify(size.slice(0, 40))} is no size of a disk`;
      throw VmgateError.of(errors.CLI_USAGE, {
        message,
        hint: 'MiB or GiB, up to 4096GiB: 80GiB',
        command: 'vm resize',
      });
    }
    const vm = await vmDiskOf(await vmGateOf(context, input), name);
    const bytes = mib * MIB;
    const already = !(await atRest(vm, () => resizeDisk(vm, bytes, taskOf(context, `copying the disk of ${name}`))));
    context.out.result({ name, bytes, already }, `the disk of ${name} has ${size}${already ? ' already' : ''}`);
    return 0;
  },
};
