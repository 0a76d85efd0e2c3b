import { renderIssue } from '../../config/index.ts';
import { escapeLine } from '../../host/index.ts';
import type { Command } from '../command.ts';
import { GATE_OPTION, gateOf, requireVm } from '../gate-access.ts';
import { requireConfig } from '../policy-config.ts';
import { rulesText } from '../policy-text.ts';

export const policyShow: Command = {
  name: 'policy show',
  group: 'Look',
  about: 'where each work VM may go, rule by rule',
  kind: 'query',
  args: [{ name: 'VM', optional: true, about: 'a work VM; all of them unless said' }],
  options: [GATE_OPTION],
  examples: ['vmgate policy show', 'vmgate policy show bank --json'],
  run: async (context, input) => {
    const [name] = input.args;
    const gate = await gateOf(context, input);
    if (name !== undefined) await requireVm(gate, name);
    const { config, egressPlaces, notices } = await requireConfig(gate);
    for (const notice of notices) context.out.progress(escapeLine(renderIssue(notice)));
    const shown = config.work.filter((vm) => name === undefined || vm.name === name);
    const places = ({ name: vm }: { readonly name: string }) => egressPlaces[vm];
    context.out.result(
      {
        gate: gate.name,
        work: shown.map((vm) => ({
          name: vm.name,
          otherwise: vm.egress?.otherwise ?? 'allow',
          rules: vm.egress?.rules.map((rule, index) => ({ ...rule, place: places(vm)?.rules[index] ?? null })) ?? [],
          peers: vm.peers,
        })),
        notices,
      },
      shown.length === 0 ? 'no work VMs' : shown.map((vm) => rulesText(vm, places(vm))).join('\n\n'),
    );
    return 0;
  },
};
