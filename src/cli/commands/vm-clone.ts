import { withCopiedWorkVm } from '../../config/index.ts';
import { cloneVm } from '../../work/index.ts';
import type { Command } from '../command.ts';
import { GATE_OPTION } from '../gate-access.ts';
import { atRest, changeConfig, requireNewName, taskOf, vmDiskOf, vmGateOf } from '../vm-access.ts';

export const vmClone: Command = {
  name: 'vm clone',
  group: 'Set up',
  about: 'another work VM with the same disk and what was written to it',
  kind: 'action',
  args: [
    { name: 'NAME', about: 'a stopped work VM of vmgate.yaml that boots a disk' },
    { name: 'NEW', about: 'name of the new one, added to vmgate.yaml' },
  ],
  options: [GATE_OPTION],
  notes: ['What is inside the disk is the same, its host keys and machine id too. Snapshots are not copied.'],
  examples: ['vmgate vm clone win win-test'],
  run: async (context, input) => {
    const [name = '', to = ''] = input.args;
    const gate = await vmGateOf(context, input);
    const vm = await vmDiskOf(gate, name);
    const target = requireNewName(gate, to, 'vm clone');
    await atRest(vm, async () => {
      await cloneVm(vm, target, taskOf(context, `copying the disk of ${name}`));
      await changeConfig(context, gate, (file, text) => withCopiedWorkVm(file, text, name, to));
    });
    context.out.result(
      { name: to, from: name, file: gate.loaded.path },
      `${to} is a copy of ${name}, named in ${gate.loaded.path}\n  vmgate up   applies it`,
    );
    return 0;
  },
};
