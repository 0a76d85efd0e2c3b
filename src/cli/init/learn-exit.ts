/**
 * The expected exit, learnt: everything else was verified, so whoever answered did so through the tunnel, and the user
 * says whether that address is the right one. Until then the gate stays closed.
 */
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { VmgateError } from '../../core/coded.ts';
import { writeFileAtomic } from '../../home/index.ts';
import type { StatusReport } from '../../supervisor/index.ts';
import { errors } from '../codes.ts';
import type { Context, Input } from '../command.ts';
import { agreed } from '../consent.ts';
import { type Gate, gateOf, requireSupervisor } from '../gate-access.ts';
import { loadProject } from '../project-config.ts';
import { confirm, projectFolder, requireConfirmed } from '../project-files.ts';

/** @throws CLI_EXIT_NOT_SEEN, CLI_ANSWER_NEEDED, GATE_NOT_VERIFIED, TRUST_PROJECT_UNCONFIRMED */
export async function learnExit(context: Context, input: Input): Promise<void> {
  const gate = await gateOf(context, input);
  const address = seenExit(gate.name, await reportOf(gate));
  const { loaded } = gate;
  if (loaded === undefined) throw notSeen(gate.name, 'the vmgate.yaml it came up from is gone');
  if (loaded.config.verify.exit === undefined) throw notSeen(gate.name, 'vmgate.yaml names no verify.exit.url');
  await requireConfirmed(context.home(), loaded);
  const question = `Traffic comes out at ${address}. Is that your VPN's exit?`;
  const unsaid = { what: `whether ${address} is the right exit`, flag: 'vmgate init --learn-exit --yes' };
  if (!(await agreed(context, input, question, unsaid))) {
    context.out.result({ address, written: false }, 'nothing was changed');
    return;
  }
  const { parseDocument } = await import('yaml');
  const document = parseDocument(readFileSync(loaded.path, 'utf8'));
  if (!document.hasIn(['verify', 'exit', 'url'])) throw notSeen(gate.name, 'its template says which exit is expected');
  const expect = document.createNode([address], { flow: true });
  document.setIn(['verify', 'exit', 'expect'], expect);
  await writeFileAtomic(loaded.path, document.toString({ lineWidth: 0 }));
  await confirm(context.home(), await loadProject(projectFolder(loaded), context.home()));
  context.out.result(
    { address, written: true, file: loaded.path },
    `${loaded.path} now expects ${address}\n  vmgate up   applies it`,
  );
}

async function reportOf(gate: Gate): Promise<StatusReport> {
  const client = await requireSupervisor(gate);
  try {
    return client.greeting;
  } finally {
    client.close();
  }
}

/** Of the last verification. An address seen while another check failed proves nothing about the tunnel. */
export function seenExit(gate: string, { claim, verdicts }: Pick<StatusReport, 'claim' | 'verdicts'>): string {
  if (claim?.kind === 'address' && net.isIP(claim.address) !== 0) return claim.address;
  const failed = verdicts.find(
    ({ check, outcome }) => check !== 'exit' && outcome !== 'verified' && outcome !== 'not asked',
  );
  if (failed !== undefined) throw notSeen(gate, `${failed.check} is ${failed.outcome}: ${failed.summary}`);
  const evidence = verdicts.find(({ check }) => check === 'exit')?.evidence ?? [];
  const answer = evidence.map((line) => /^answer: (\S{1,64})$/.exec(line)?.[1]).find((found) => found !== undefined);
  if (answer === undefined || net.isIP(answer) === 0) {
    throw notSeen(gate, evidence.length === 0 ? 'it was not asked' : 'what answered was no address');
  }
  return answer;
}

function notSeen(gate: string, why: string): VmgateError {
  return VmgateError.of(errors.CLI_EXIT_NOT_SEEN, { gate, why });
}
