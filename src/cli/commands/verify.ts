import { escapeLine } from '../../host/index.ts';
import type { VerifyResult } from '../../supervisor/index.ts';
import type { Command } from '../command.ts';
import { GATE_OPTION, gateOf, requireSupervisor } from '../gate-access.ts';
import { claimText, verdictTable } from '../verdict-table.ts';

export const verify: Command = {
  name: 'verify',
  group: 'Look',
  about: 'check everything again, now, and show it',
  kind: 'query',
  options: [GATE_OPTION],
  examples: ['vmgate verify', 'vmgate verify --json'],
  run: async (context, input) => {
    const gate = await gateOf(context, input);
    const client = await requireSupervisor(gate);
    try {
      const found = (await client.ask(
        { verb: 'verify' },
        { onEvent: (event) => context.out.progress(escapeLine(event.text)), signal: context.interrupted },
      )) as VerifyResult;
      context.out.result(found, `${verdictTable(found.verdicts)}\nclaim     ${claimText(found.claim)}`);
      return found.open ? 0 : 4;
    } finally {
      client.close();
    }
  },
};
