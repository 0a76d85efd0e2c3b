import type { Command } from '../command.ts';
import { GATE_OPTION, gateOf, requireVm } from '../gate-access.ts';
import { requireConfig } from '../policy-config.ts';
import { parseDestination } from '../policy-destination.ts';
import { explain, explanationText } from '../policy-text.ts';

export const policyExplain: Command = {
  name: 'policy explain',
  group: 'Look',
  about: 'may a work VM reach this, and which rule says so',
  kind: 'query',
  args: [
    { name: 'VM', about: 'a work VM' },
    { name: 'DEST', about: 'an address or a name, then [:PORT][/PROTOCOL]; a port alone is TCP' },
  ],
  options: [GATE_OPTION],
  examples: [
    'vmgate policy explain bank bank.example:443',
    'vmgate policy explain bank 9.9.9.9:53/udp',
    'vmgate policy explain bank 10.20.0.10/icmp --json',
  ],
  notes: ['It reads vmgate.yaml, as the next `vmgate up` would, and asks nobody.'],
  run: async (context, input) => {
    const [name = '', written = ''] = input.args;
    const gate = await gateOf(context, input);
    await requireVm(gate, name);
    const asked = parseDestination(written, name);
    const loaded = await requireConfig(gate);
    const vm = loaded.config.work.find((work) => work.name === name);
    if (vm === undefined) throw new Error(`no work VM ${name}`);
    const explanation = explain(vm, asked, loaded);
    context.out.result(explanation, explanationText(explanation));
    return 0;
  },
};
