import { machineProcesses, monotonicMs, wallMs } from '../../host/index.ts';
import { checkReceipt, installationKey } from '../../trust/index.ts';
import type { Command } from '../command.ts';
import { GATE_OPTION } from '../gate-access.ts';
import { receiptFile } from '../receipt-place.ts';
import { claimText } from '../verdict-table.ts';

export const receiptCheck: Command = {
  name: 'receipt check',
  group: 'Trust and evidence',
  about: 'does a receipt hold: signed here, unchanged, not expired (exit 4 when not)',
  kind: 'query',
  args: [{ name: 'FILE', optional: true, about: "a receipt; this gate's own unless said" }],
  options: [GATE_OPTION],
  examples: ['vmgate receipt check', 'vmgate receipt check ./receipt.json && echo proven'],
  run: async (context, input) => {
    const file = await receiptFile(context, input);
    const now = { wallMs: wallMs(), monotonicMs: monotonicMs(), hostBootId: await machineProcesses.bootId() };
    const checked = await checkReceipt(file, await installationKey(context.home().keys), now);
    const { receipt, signedBy, remainingMs } = checked;
    context.out.result(
      { file, valid: true, gate: receipt.gate, claim: receipt.claim, signedBy, remainingMs: Math.round(remainingMs) },
      `valid for ${Math.floor(remainingMs / 1_000)} s more: gate ${receipt.gate}, ${claimText(receipt.claim)}\nsigned by ${signedBy}`,
    );
    return 0;
  },
};
