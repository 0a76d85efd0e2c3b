import { compareBase, rebuildDisk } from '../../work/index.ts';
import type { Command } from '../command.ts';
import { agreed, YES_OPTION } from '../consent.ts';
import { GATE_OPTION } from '../gate-access.ts';
import { atRest, taskOf, vmDiskOf, vmGateOf } from '../vm-access.ts';

export const vmRebuild: Command = {
  name: 'vm rebuild',
  group: 'Set up',
  about: 'make a stopped work VM anew, if its disk is another one than it was made from',
  kind: 'action',
  args: [{ name: 'NAME', about: 'a work VM of vmgate.yaml that boots a disk' }],
  options: [YES_OPTION, GATE_OPTION],
  notes: [
    'A work VM of an image that vmgate built (debian) is made of the newest one: vmgate image build debian.',
    'Reads the whole disk. Where it is byte for byte what the VM was made from, nothing is dropped, and the VM starts again.',
  ],
  examples: ['vmgate vm rebuild win', 'vmgate vm rebuild win --yes'],
  run: async (context, input) => {
    const [name = ''] = input.args;
    const vm = await vmDiskOf(await vmGateOf(context, input), name, 'newest');
    await atRest(vm, async () => {
      const { outcome, made, today } = await compareBase(vm, taskOf(context, `reading ${vm.disk}`));
      const digests = { madeFrom: made?.digest ?? null, today: today.digest };
      if (outcome === 'same' || outcome === 'no overlay') {
        const why = outcome === 'same' ? `was made from today's disk` : 'has written nothing: its next start makes it';
        context.out.result({ name, rebuilt: false, outcome, ...digests }, `${name} ${why}\n  ${today.digest ?? ''}`);
        return;
      }
      const from = made?.digest ?? 'a disk that nobody took the digest of';
      const question = `${name} was made from ${from}; the disk is ${today.digest ?? ''}. Drop what ${name} wrote and make it anew?`;
      const unsaid = { what: `whether to drop what ${name} wrote`, flag: `vmgate vm rebuild ${name} --yes` };
      if (!(await agreed(context, input, question, unsaid))) {
        context.out.result({ name, rebuilt: false, outcome, ...digests }, 'nothing was changed');
        return;
      }
      await rebuildDisk(vm, today);
      context.out.result(
        { name, rebuilt: true, outcome, ...digests },
        `${name} is made from today's disk\n  ${today.digest ?? ''}`,
      );
    });
    return 0;
  },
};
