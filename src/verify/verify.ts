/** One verification of a connected gateway: the complete one that opens a gate, or the cheap one that keeps it open. */
import { exitClaim } from '../core/checks/exit.ts';
import { mayOpen, mayRenew } from '../core/opening.ts';
import type { Claim, Verdict } from '../core/verdict.ts';
import { runCheap } from './cheap-run.ts';
import type { VerifyContext, VerifyMode, VerifyRequest } from './context.ts';
import { runFull } from './full-run.ts';
import { newToken, type Token } from './token.ts';

export interface VerifyReport {
  readonly verdicts: readonly Verdict[];
  /** What the run entitles to say; undefined unless it was complete and nothing stands in the way. */
  readonly claim: Claim | undefined;
  /** The gate may open (`full`) or stay open (`cheap`). */
  readonly allVerified: boolean;
}

/**
 * Never rejects: whatever goes wrong is an `unknown` verdict. One run at a time for each gateway.
 *
 * `full` takes the leases of probe link and tunnel away first and leaves both leased; leases of `held` go on
 * throughout. The caller then grants what it decides, or closes.
 */
export async function verifyGate(context: VerifyContext, request: VerifyRequest): Promise<VerifyReport> {
  const { mode, held, signal = new AbortController().signal } = request;
  const token = newToken();
  context.guard.watchFor([token.hex]);
  try {
    const { verdicts, claim } = await run(mode, context, held, token, signal);
    const allVerified = mode === 'full' ? mayOpen(verdicts, claim) : mayRenew(verdicts);
    return { verdicts, claim: allVerified ? claim : undefined, allVerified };
  } finally {
    context.guard.watchFor([]);
  }
}

async function run(
  mode: VerifyMode,
  context: VerifyContext,
  held: readonly string[],
  token: Token,
  signal: AbortSignal,
): Promise<{ readonly verdicts: readonly Verdict[]; readonly claim: Claim | undefined }> {
  if (mode === 'cheap') return { verdicts: await runCheap(context, held, token, signal), claim: undefined };
  const { verdicts, exit } = await runFull(context, held, token, signal);
  const opinion = verdicts.find(({ check }) => check === 'exit');
  return { verdicts, claim: exit && opinion && exitClaim(exit, opinion) };
}
