import type { Command } from '../command.ts';
import { GATE_OPTION, gateOf, requireSupervisor, requireVm } from '../gate-access.ts';

/** Judged in this order: usage, configuration, name (2); gate not verified (4); only then what the machine can do. */
export const start: Command = {
  name: 'start',
  group: 'Every day',
  about: 'start a work VM, if the tunnel is proven',
  kind: 'action',
  args: [{ name: 'NAME', about: 'a work VM of vmgate.yaml' }],
  options: [GATE_OPTION],
  examples: ['vmgate start workvm', 'vmgate up && vmgate start workvm && vmgate ssh workvm'],
  run: async (context, input) => {
    const [name = ''] = input.args;
    const gate = await gateOf(context, input);
    await requireVm(gate, name);
    const client = await requireSupervisor(gate);
    try {
      const { already } = (await client.ask(
        { verb: 'start', name },
        { onEvent: (event) => context.out.event(event), signal: context.interrupted },
      )) as { already: boolean };
      const text = already ? `${name} is running already` : `${name} is running, behind the verified tunnel`;
      context.out.result({ name, status: 'running', already }, `${text}\n  vmgate ssh ${name}`);
    } finally {
      client.close();
    }
  },
};
