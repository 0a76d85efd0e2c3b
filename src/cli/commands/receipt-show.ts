import type { ReceiptContent } from '../../core/receipt.ts';
import { escapeLine } from '../../host/index.ts';
import { installationKey, loadReceipt } from '../../trust/index.ts';
import type { Command } from '../command.ts';
import { GATE_OPTION } from '../gate-access.ts';
import { receiptFile } from '../receipt-place.ts';
import { claimText, verdictTable } from '../verdict-table.ts';

export const receiptShow: Command = {
  name: 'receipt show',
  group: 'Look',
  about: 'what the last verification recorded, whether it still holds or not',
  kind: 'query',
  args: [{ name: 'FILE', optional: true, about: "a receipt; this gate's own unless said" }],
  options: [GATE_OPTION],
  examples: ['vmgate receipt show', 'vmgate receipt show ./receipt.json --json'],
  run: async (context, input) => {
    const file = await receiptFile(context, input);
    const { receipt, signedBy } = await loadReceipt(file, await installationKey(context.home().keys));
    const { gate, issued, expires, image, tunnel, claim, verdicts, guard } = receipt;
    const lines = [
      `receipt of gate ${gate}, signed by ${signedBy}`,
      `  made     ${issued.wall}, for use until ${expires.wall}`,
      ...[...(tunnel.through ?? []), tunnel].map(serverText),
      `  claim    ${claimText(claim)}`,
      `  image    ${image.digest}`,
      `  uplink   ${guard.passed} frames passed, ${guard.foreign} foreign`,
      '',
      verdictTable(verdicts.map((verdict) => ({ ...verdict, remedy: '' }))),
    ];
    context.out.result({ file, signedBy, receipt }, lines.join('\n'));
    return 0;
  },
};

type Server = Pick<ReceiptContent['tunnel'], 'kind' | 'peer' | 'endpoint'>;

/** Of a chain the outermost comes first. */
function serverText({ kind, peer, endpoint: { address, port, protocol } }: Server, index: number): string {
  const place = index === 0 ? 'tunnel' : 'inside';
  return `  ${place}   ${kind} to ${address}:${port}/${protocol}, server key ${escapeLine(peer)}`;
}
