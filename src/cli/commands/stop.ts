import { type Command, flag } from '../command.ts';
import { GATE_OPTION, requireVm } from '../gate-access.ts';
import { gateToEnd } from '../gate-unsaid.ts';
import { withRunningGate } from '../running-gate.ts';

export const stop: Command = {
  name: 'stop',
  group: 'Every day',
  about: 'shut a work VM down; by force after 15 s',
  kind: 'action',
  args: [{ name: 'NAME', about: 'a work VM of vmgate.yaml' }],
  options: [GATE_OPTION, { flags: '--force', about: 'do not ask, end it' }],
  examples: ['vmgate stop workvm', 'vmgate stop workvm --force'],
  run: async (context, input) => {
    const [name = ''] = input.args;
    const gate = await gateToEnd(context, input);
    await requireVm(gate, name);
    const ended = await withRunningGate(context, gate, (client) =>
      client.ask(
        { verb: 'stop', name, force: flag(input, 'force') },
        { onEvent: (event) => context.out.event(event), signal: context.interrupted },
      ),
    );
    const already = ended === undefined || (ended as { already: boolean }).already;
    context.out.result({ name, status: 'stopped', already }, `${name} is stopped${already ? ' already' : ''}`);
  },
};
