import { VmgateError } from '../../core/coded.ts';
import { brokenBindings, type ReceiptBinding, type ReceiptContent } from '../../core/receipt.ts';
import { machineProcesses, monotonicMs, wallMs } from '../../host/index.ts';
import { SupervisorClient } from '../../supervisor/client.ts';
import { checkReceipt, installationKey, trustErrors } from '../../trust/index.ts';
import type { Command, Context } from '../command.ts';
import { GATE_OPTION } from '../gate-access.ts';
import { receiptFile } from '../receipt-place.ts';
import { claimText } from '../verdict-table.ts';

export const receiptCheck: Command = {
  name: 'receipt check',
  group: 'Look',
  about: 'does a receipt hold: signed here, unchanged, not expired, of the gate as it is now (exit 4 when not)',
  kind: 'query',
  args: [{ name: 'FILE', optional: true, about: "a receipt; this gate's own unless said" }],
  options: [GATE_OPTION],
  examples: ['vmgate receipt check', 'vmgate receipt check ./receipt.json && echo proven'],
  run: async (context, input) => {
    const file = await receiptFile(context, input);
    const now = { wallMs: wallMs(), monotonicMs: monotonicMs(), hostBootId: await machineProcesses.bootId() };
    const checked = await checkReceipt(file, await installationKey(context.home().keys), now);
    const { receipt, signedBy, remainingMs } = checked;
    await requireCurrent(context, file, receipt);
    context.out.result(
      { file, valid: true, gate: receipt.gate, claim: receipt.claim, signedBy, remainingMs: Math.round(remainingMs) },
      `valid for ${Math.floor(remainingMs / 1_000)} s more: gate ${receipt.gate}, ${claimText(receipt.claim)}\nsigned by ${signedBy}`,
    );
    return 0;
  },
};

const WORDS: Readonly<Record<keyof ReceiptBinding, string>> = {
  gate: 'gate',
  bootId: 'gateway process',
  imageDigest: 'gateway image',
  ruleset: 'ruleset',
  configuration: 'vmgate.yaml',
  tunnel: 'tunnel',
};

/** A signature and an age cannot tell a receipt that was put back after the gate closed (leak case 40): the gate can. */
async function requireCurrent(context: Context, file: string, receipt: ReceiptContent): Promise<void> {
  const { gate } = receipt;
  const client = await SupervisorClient.connect(gate, context.home().gate(gate));
  if (client === undefined) throw VmgateError.of(trustErrors.RECEIPT_REVOKED, { file, gate });
  try {
    const { receipt: standing } = await client.status();
    if (standing === null) throw VmgateError.of(trustErrors.RECEIPT_REVOKED, { file, gate });
    const differs = brokenBindings(receipt, standing.binding).map((part) => WORDS[part]);
    if (differs.length > 0) throw VmgateError.of(trustErrors.RECEIPT_REPLACED, { file, gate, differs });
  } finally {
    client.close();
  }
}
