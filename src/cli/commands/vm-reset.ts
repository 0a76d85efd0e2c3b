import { resetDisk } from '../../work/index.ts';
import type { Command } from '../command.ts';
import { agreed, YES_OPTION } from '../consent.ts';
import { GATE_OPTION } from '../gate-access.ts';
import { atRest, vmDiskOf, vmGateOf } from '../vm-access.ts';

export const vmReset: Command = {
  name: 'vm reset',
  group: 'Set up',
  about: 'drop what a stopped work VM wrote: it starts from its disk again',
  kind: 'action',
  args: [{ name: 'NAME', about: 'a work VM of vmgate.yaml that boots a disk' }],
  options: [YES_OPTION, GATE_OPTION],
  notes: ['Snapshots stay.'],
  examples: ['vmgate vm reset win', 'vmgate vm reset win --yes'],
  run: async (context, input) => {
    const [name = ''] = input.args;
    const vm = await vmDiskOf(await vmGateOf(context, input), name);
    await atRest(vm, async () => {
      const unsaid = { what: `whether to drop what ${name} wrote`, flag: `vmgate vm reset ${name} --yes` };
      if (!(await agreed(context, input, `Drop everything that ${name} wrote?`, unsaid))) {
        context.out.result({ name, reset: false }, 'nothing was changed');
        return;
      }
      const already = !(await resetDisk(vm));
      context.out.result(
        { name, reset: true, already },
        `${name} ${already ? 'has written nothing since it was made' : 'starts from its disk again'}`,
      );
    });
    return 0;
  },
};
