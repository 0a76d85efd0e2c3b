/** What a receipt has to do with the frames that are kept: it holds the digest of the evidence as it was then. */
import type { CodedEvent } from '../core/coded.ts';
import { renderReceipt } from '../core/receipt.ts';
import { framesCovered, type readRing } from '../evidence/index.ts';
import { sha256 } from '../host/index.ts';
import type { Context } from './command.ts';
import { namedReceipt } from './receipt-place.ts';

export interface ReceiptOnEvidence {
  /** `sha256:<hex>` of the receipt. */
  readonly digest: string;
  /** ISO 8601. */
  readonly issued: string;
  /** How many of the kept frames, from the first, had come before it; null where no beginning of them is what it saw. */
  readonly frames: number | null;
}

/**
 * Of the receipt in `named`, or the last one the journal tells of: a close takes a gate's own receipt away, and it is
 * after a close that one asks.
 *
 * @throws CLI_USAGE, RECEIPT_* for one that was named
 */
export async function receiptOn(
  context: Context,
  ring: ReturnType<typeof readRing>,
  journal: readonly CodedEvent[],
  named: string | undefined,
): Promise<ReceiptOnEvidence | null> {
  const about = named === undefined ? journaled(journal) : await signed(context, namedReceipt(context, named));
  if (about === undefined) return null;
  const { evidence, ...receipt } = about;
  return { ...receipt, frames: framesCovered(ring, evidence) ?? null };
}

interface About {
  readonly digest: string;
  readonly issued: string;
  readonly evidence: string;
}

function journaled(journal: readonly CodedEvent[]): About | undefined {
  const last = journal.findLast(({ code }) => code === 'GATE_RECEIPT');
  const { receipt, evidence } = (last?.payload ?? {}) as Readonly<Record<string, unknown>>;
  if (last === undefined || typeof receipt !== 'string' || typeof evidence !== 'string') return undefined;
  return { digest: receipt, issued: last.at, evidence };
}

async function signed(context: Context, file: string): Promise<About> {
  const { installationKey, loadReceipt } = await import('../trust/index.ts');
  const { receipt } = await loadReceipt(file, await installationKey(context.home().keys));
  return {
    digest: sha256(renderReceipt(receipt)),
    issued: receipt.issued.wall,
    evidence: receipt.evidence['frames'] ?? '',
  };
}
