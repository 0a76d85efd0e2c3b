import { notVerified, type VerifyResult } from '../../supervisor/index.ts';
import type { Command } from '../command.ts';
import { GATE_OPTION, gateOf, requireSupervisor } from '../gate-access.ts';
import { verdictTable } from '../verdict-table.ts';

export const verify: Command = {
  name: 'verify',
  group: 'Look',
  about: 'check everything again, now, and show what each check found',
  kind: 'query',
  options: [GATE_OPTION],
  examples: ['vmgate verify', 'vmgate verify --json'],
  run: async (context, input) => {
    const gate = gateOf(context, input);
    const client = await requireSupervisor(gate);
    try {
      const found = (await client.ask(
        { verb: 'verify' },
        { onEvent: (event) => context.out.progress(event.text), signal: context.interrupted },
      )) as VerifyResult;
      context.out.result(found, verdictTable(found));
      if (!found.open) throw notVerified(gate.name, 'closing', undefined);
    } finally {
      client.close();
    }
  },
};
