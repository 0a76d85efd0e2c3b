import type { CodedEvent } from '../../core/coded.ts';
import type { Command, Context } from '../command.ts';
import { GATE_OPTION } from '../gate-access.ts';
import { gateToEnd } from '../gate-unsaid.ts';
import { withRunningGate } from '../running-gate.ts';

export const down: Command = {
  name: 'down',
  group: 'Every day',
  about: 'stop work VMs and gateway; cancels a running up',
  kind: 'action',
  options: [GATE_OPTION],
  examples: ['vmgate down'],
  run: async (context, input) => {
    const gate = await gateToEnd(context, input);
    const ended = await withRunningGate(context, gate, (client) =>
      client.ask({ verb: 'down' }, { onEvent: (event) => tell(context, event) }),
    );
    const already = ended === undefined;
    context.out.result(
      { gate: gate.name, phase: 'down', already },
      `gate ${gate.name} is down${already ? ' already' : ''}`,
    );
  },
};

/** The last event is the result's own line; for scripts both have their place. */
function tell({ out }: Context, event: CodedEvent): void {
  const { phase } = (event.payload ?? {}) as { readonly phase?: unknown };
  if (out.json || event.code !== 'GATE_PHASE' || phase !== 'down') out.event(event);
}
