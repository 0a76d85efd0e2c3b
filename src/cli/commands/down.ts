import type { Command } from '../command.ts';
import { GATE_OPTION, gateOf } from '../gate-access.ts';
import { withRunningGate } from '../running-gate.ts';

export const down: Command = {
  name: 'down',
  group: 'Every day',
  about: 'stop work VMs and gateway; cancels a running up',
  kind: 'action',
  options: [GATE_OPTION],
  examples: ['vmgate down'],
  run: async (context, input) => {
    const gate = await gateOf(context, input);
    const ended = await withRunningGate(context, gate, (client) =>
      client.ask({ verb: 'down' }, { onEvent: (event) => context.out.event(event) }),
    );
    const already = ended === undefined;
    context.out.result(
      { gate: gate.name, phase: 'down', already },
      `gate ${gate.name} is down${already ? ' already' : ''}`,
    );
  },
};
