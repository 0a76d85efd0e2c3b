/** From the state machine's reason to the error a person reads. */
import { VmgateError } from '../core/coded.ts';
import type { RefusalCause } from '../core/gate/effects.ts';
import type { CloseReason, Phase } from '../core/gate/state.ts';
import { errors as portalErrors } from '../portal/index.ts';
import { errors } from './codes.ts';
import { describeReason } from './status.ts';

/** `what` names the request, e.g. `up` or `start workvm`. */
export function refusal(gate: string, what: string, because: RefusalCause): VmgateError {
  switch (because.kind) {
    case 'cancelled':
      return VmgateError.of(errors.GATE_CANCELLED, { what });
    case 'fault':
      return VmgateError.revive(because.fault);
    case 'definition': {
      const { summary, remedy, evidence } = because.verdict;
      return VmgateError.of(errors.GATE_DEFINITION_REFUTED, { name: what, summary, remedy }, { evidence });
    }
    case 'noSignIn': {
      const { phase, reason: why } = because;
      return VmgateError.of(portalErrors.PORTAL_NO_SIGN_IN, { gate, phase, why: describeReason(why) });
    }
    case 'notOpen':
      // `up` failed on the network: its own error says more than "not verified".
      if (what === 'up' && because.reason?.kind === 'fault') return VmgateError.revive(because.reason.fault);
      return notVerified(gate, because.phase, because.reason);
  }
}

/** The refusal everything stands on: no work VM without a proven tunnel. */
export function notVerified(gate: string, phase: Phase, reason: CloseReason | undefined): VmgateError {
  const remedy = reason?.kind === 'verdicts' ? (reason.failed[0]?.remedy ?? '') : '';
  const evidence =
    reason?.kind === 'verdicts'
      ? reason.failed.flatMap(({ check, outcome, summary, evidence: seen }) => [
          `${check}: ${outcome}, ${summary}`,
          ...seen,
        ])
      : reason?.kind === 'fault'
        ? reason.fault.evidence
        : [];
  const why = describeReason(reason);
  return VmgateError.of(
    errors.GATE_NOT_VERIFIED,
    { gate, phase, why: why === '' ? whyNot(phase) : why, remedy: remedy === '' ? remedyFor(phase) : remedy },
    { evidence },
  );
}

function whyNot(phase: Phase): string {
  return phase === 'open' ? 'but its last verification has expired' : 'no tunnel is proven';
}

function remedyFor(phase: Phase): string {
  switch (phase) {
    case 'down':
    case 'violated':
    case 'stopping':
      return 'vmgate up';
    case 'booting':
    case 'addressing':
    case 'connecting':
    case 'verifying':
    case 'open':
      return 'wait for it: vmgate up returns when the gate is open';
    case 'portal':
      return "vmgate portal, or sign in with this machine's own browser; the gate goes on by itself";
    case 'sign-in':
      return 'end vmgate portal: the gate connects then';
    case 'closed':
    case 'closing':
      return 'vmgate keeps trying; vmgate status shows how far it is, vmgate up waits for it';
  }
}
