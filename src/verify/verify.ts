/** One verification of a connected gateway: the complete one that opens a gate, or the cheap one that keeps it open. */
import { exitClaim } from '../core/checks/exit.ts';
import { mayOpen, mayRenew } from '../core/opening.ts';
import { compileNft, normalizeRuleset } from '../core/policy/index.ts';
import type { Claim, Verdict } from '../core/verdict.ts';
import { runCheap } from './cheap-run.ts';
import type { VerifyContext, VerifyMode, VerifyRequest } from './context.ts';
import { runFull } from './full-run.ts';
import { digestOf, type Settled } from './settle.ts';
import { newToken, type Token } from './token.ts';

export interface VerifyReport {
  readonly mode: VerifyMode;
  readonly verdicts: readonly Verdict[];
  /** What the run entitles to say; undefined unless it was complete and nothing stands in the way. */
  readonly claim: Claim | undefined;
  /** The gate may open (`full`) or stay open (`cheap`). */
  readonly allVerified: boolean;
  /** `sha256:<hex>` of the facts behind each verdict, by check; none where there were no facts. */
  readonly evidence: Readonly<Record<string, string>>;
  /** `sha256:<hex>` of the compiled ruleset the gateway's was held against. */
  readonly ruleset: string;
  readonly durationMs: number;
}

/**
 * Never rejects: whatever goes wrong is an `unknown` verdict. One run at a time for each gateway.
 *
 * `full` takes the leases of probe link and tunnel away first and leaves both leased; leases of `held` go on
 * throughout. The caller then grants what it decides, or closes.
 */
export async function verifyGate(context: VerifyContext, request: VerifyRequest): Promise<VerifyReport> {
  const { mode, held, signal = new AbortController().signal } = request;
  const began = context.clock.monotonicMs();
  const token = newToken();
  context.guard.watchFor([token.hex]);
  try {
    const { settled, claim } = await run(mode, context, held, token, signal);
    const verdicts = settled.map(({ verdict }) => verdict);
    const allVerified = mode === 'full' ? mayOpen(verdicts, claim) : mayRenew(verdicts);
    return {
      mode,
      verdicts,
      claim: allVerified ? claim : undefined,
      allVerified,
      evidence: Object.fromEntries(
        settled.flatMap(({ verdict, evidence }) => (evidence === undefined ? [] : [[verdict.check, evidence]])),
      ),
      ruleset: digestOf(normalizeRuleset(compileNft(context.policy)).join('\n')),
      durationMs: context.clock.monotonicMs() - began,
    };
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
): Promise<{ readonly settled: readonly Settled[]; readonly claim: Claim | undefined }> {
  if (mode === 'cheap') return { settled: await runCheap(context, held, token, signal), claim: undefined };
  const { settled, exit } = await runFull(context, held, token, signal);
  const opinion = settled.find(({ verdict }) => verdict.check === 'exit')?.verdict;
  return { settled, claim: exit && opinion && exitClaim(exit, opinion) };
}
