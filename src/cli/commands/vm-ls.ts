import { existsSync } from 'node:fs';
import path from 'node:path';
import type { WorkConfig } from '../../config/index.ts';
import { bytesText } from '../../core/amounts.ts';
import { VmgateError } from '../../core/coded.ts';
import { workProcess } from '../../drivers/index.ts';
import { dropDisposable, holdingsOf, type VmHoldings, vmFolders, whileStopped } from '../../work/index.ts';
import type { Command } from '../command.ts';
import { GATE_OPTION, type Gate, gateOf } from '../gate-access.ts';
import { textTable } from '../text-table.ts';
import { vmOf } from '../vm-access.ts';

interface Row extends VmHoldings {
  readonly name: string;
  readonly state: 'running' | 'stopped';
  readonly pid: number | null;
  /** What it boots; null: vmgate.yaml does not name it, and this is what is left of it. */
  readonly boots: string | null;
  /** Its file, or its reference in a registry. */
  readonly disk: string | null;
  /** How its screen can be seen. */
  readonly display: WorkConfig['display'];
}

export const vmLs: Command = {
  name: 'vm ls',
  group: 'Set up',
  about: 'every work VM: state, disk, size, what it was made from, snapshots',
  kind: 'query',
  options: [GATE_OPTION],
  examples: ['vmgate vm ls', "vmgate vm ls --json | jq -r '.vms[].name'"],
  run: async (context, input) => {
    const gate = await gateOf(context, input);
    const configured = gate.loaded?.config.work ?? [];
    const folders = await vmFolders(path.dirname(gate.layout.work('x')));
    const left = folders.filter((name) => !configured.some((work) => work.name === name));
    const vms = await Promise.all([
      ...configured.map((work) => rowOf(gate, work.name, work)),
      ...left.map((name) => rowOf(gate, name, undefined)),
    ]);
    const none = 'no work VM yet; make one: vmgate vm import FILE';
    context.out.result({ gate: gate.name, vms }, vms.length === 0 ? none : textTable([HEAD, ...vms.map(cells)]));
    return 0;
  },
};

const HEAD = ['name', 'state', 'boots', 'on disk', 'made from', 'screen', 'snapshots'];

async function rowOf(gate: Gate, name: string, work: WorkConfig | undefined): Promise<Row> {
  const vm = vmOf(gate, name);
  await whatIsLeft(vm);
  const pid = (await workProcess(vm.folder)) ?? null;
  const source = work?.source;
  return {
    name,
    state: pid === null ? 'stopped' : 'running',
    pid,
    boots: source === undefined ? null : source.kind === 'template' ? source.template : source.kind,
    disk: source?.kind === 'disk' ? source.disk : source?.kind === 'oci' ? source.reference : null,
    display: work?.display ?? 'none',
    ...(await holdingsOf(vm.folder)),
  };
}

/** What a crash left of a disposable start, and drafts, go; a VM that runs or is being changed is left alone. */
async function whatIsLeft(vm: ReturnType<typeof vmOf>): Promise<void> {
  // The lock would make its folder.
  if (!existsSync(vm.folder)) return;
  await whileStopped(vm, workProcess, () => dropDisposable(vm.folder)).catch((cause: unknown) => {
    if (!VmgateError.is(cause) || !['WORK_VM_RUNNING', 'WORK_VM_BUSY'].includes(cause.code)) throw cause;
  });
}

function cells({
  name,
  state,
  boots,
  bytes,
  virtualBytes,
  madeFrom,
  disposable,
  display,
  snapshots,
}: Row): readonly string[] {
  const size = virtualBytes === null ? bytesText(bytes) : `${bytesText(bytes)} of ${bytesText(virtualBytes)}`;
  return [
    name,
    disposable ? `${state}, disposable` : state,
    boots ?? 'nothing: not in vmgate.yaml',
    size,
    madeFrom?.slice(0, 19) ?? '',
    display === 'none' ? '' : display,
    snapshots.map((snapshot) => snapshot.name).join(' '),
  ];
}
