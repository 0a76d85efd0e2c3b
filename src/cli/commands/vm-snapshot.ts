import { bytesText } from '../../core/amounts.ts';
import { VmgateError } from '../../core/coded.ts';
import {
  deleteSnapshot,
  listSnapshots,
  makeSnapshot,
  restoreSnapshot,
  type Snapshot,
  type VmDisk,
} from '../../work/index.ts';
import { errors } from '../codes.ts';
import type { Command, Context, Input } from '../command.ts';
import { agreed, YES_OPTION } from '../consent.ts';
import { GATE_OPTION } from '../gate-access.ts';
import { textTable } from '../text-table.ts';
import { atRest, taskOf, vmDiskOf, vmGateOf } from '../vm-access.ts';

export const vmSnapshot: Command = {
  name: 'vm snapshot',
  group: 'Set up',
  about: 'what a stopped work VM wrote, kept and put back',
  kind: 'action',
  args: [
    { name: 'ACTION', choices: ['make', 'list', 'restore', 'delete'], about: 'what to do' },
    { name: 'NAME', about: 'a work VM of vmgate.yaml that boots a disk' },
    { name: 'SNAPSHOT', optional: true, about: 'its name; all but list need one' },
  ],
  options: [YES_OPTION, GATE_OPTION],
  notes: ['restore drops what the VM wrote since; the snapshot stays.'],
  examples: [
    'vmgate vm snapshot make win clean',
    'vmgate vm snapshot list win',
    'vmgate vm snapshot restore win clean',
    'vmgate vm snapshot delete win clean',
  ],
  run: async (context, input) => {
    const [action = '', name = '', snapshot] = input.args;
    const vm = await vmDiskOf(await vmGateOf(context, input), name);
    if (action === 'list') {
      const snapshots = await listSnapshots(vm.folder);
      context.out.result({ name, snapshots }, textOf(name, snapshots));
      return 0;
    }
    if (snapshot === undefined) {
      const hint = `vmgate vm snapshot ${action} ${name} SNAPSHOT`;
      throw VmgateError.of(errors.CLI_USAGE, { message: 'which snapshot?', hint, command: 'vm snapshot' });
    }
    await atRest(vm, () => change(context, input, vm, action, snapshot));
    return 0;
  },
};

async function change(context: Context, input: Input, vm: VmDisk, action: string, snapshot: string): Promise<void> {
  const { name } = vm;
  const say = (done: string, text: string) => context.out.result({ name, snapshot, done }, text);
  if (action === 'make') {
    await makeSnapshot(vm, snapshot, taskOf(context, `copying the disk of ${name}`));
    return say('made', `${snapshot} is kept\n  vmgate vm snapshot restore ${name} ${snapshot}`);
  }
  const dropped = action === 'restore' ? `what ${name} wrote since ${snapshot}` : `the snapshot ${snapshot} of ${name}`;
  const unsaid = {
    what: `whether to drop ${dropped}`,
    flag: `vmgate vm snapshot ${action} ${name} ${snapshot} --yes`,
  };
  if (!(await agreed(context, input, `Drop ${dropped}?`, unsaid))) return say('nothing', 'nothing was changed');
  if (action === 'delete') {
    await deleteSnapshot(vm, snapshot);
    return say('deleted', `${snapshot} is gone`);
  }
  await restoreSnapshot(vm, snapshot, taskOf(context, `copying the snapshot ${snapshot}`));
  say('restored', `${name} is as it was at ${snapshot}`);
}

function textOf(name: string, snapshots: readonly Snapshot[]): string {
  if (snapshots.length === 0) return `no snapshot yet: vmgate vm snapshot make ${name} SNAPSHOT`;
  return textTable(snapshots.map((each) => [each.name, each.takenAt, bytesText(each.bytes)]));
}
