/** How the world answers an order of the gate's that it has carried out. */
import type { SerializedFault } from '../../../src/core/coded.ts';
import type { Effect } from '../../../src/core/gate/effects.ts';
import type { GateEvent } from '../../../src/core/gate/events.ts';
import { PULSE_CHECKS } from '../../../src/core/opening.ts';
import { type CheckName, type Claim, GATE_CHECKS, type Outcome, type Verdict } from '../../../src/core/verdict.ts';

export function verdict(check: CheckName, outcome: Outcome = 'verified'): Verdict {
  const trust = { gatewayCouldFake: '', hostWitness: '' };
  return { check, outcome, summary: '', evidence: [], remedy: '', trust, durationMs: 0 };
}

/** What is found as an order is carried out. */
export interface Found {
  /** Whether the uplink's address comes from the network. */
  readonly dhcp: boolean;
  readonly outcome: (check: CheckName) => Outcome;
  readonly claim: () => Claim | undefined;
  readonly portal: () => SerializedFault | undefined;
  /** Of the host's clock, and how long what was verified then is believed, in milliseconds. */
  readonly nowMs: number;
  readonly maxAgeMs: number;
  readonly everyMs: number;
}

/** Undefined for an order that nobody answers, and for a timer, which takes its time. */
export function answerTo(effect: Effect, found: Found): GateEvent | undefined {
  const { dhcp, outcome, claim, portal, ...times } = found;
  switch (effect.do) {
    case 'bootGateway':
      return { type: 'booted', generation: effect.generation, dhcp };
    case 'killGateway':
      return { type: 'gatewayKilled', generation: effect.generation };
    case 'admitDhcp':
      return { type: 'dhcpAdmitted', generation: effect.generation };
    case 'askAddress':
      return { type: 'addressed', generation: effect.generation };
    case 'lookForPortal':
      return { type: 'portalLooked', generation: effect.generation, found: portal(), tookMs: 0 };
    case 'admitPortal':
      return { type: 'portalAdmitted', generation: effect.generation };
    case 'pin':
      return { type: 'pinned', generation: effect.generation };
    case 'startTunnel':
      return { type: 'connected', generation: effect.generation };
    case 'verify': {
      const verdicts = GATE_CHECKS.map((check) => verdict(check, outcome(check)));
      return { type: 'judged', generation: effect.generation, verdicts, claim: claim(), ...times };
    }
    case 'pulse': {
      const verdicts = PULSE_CHECKS.map((check) => verdict(check, outcome(check)));
      return { type: 'pulsed', generation: effect.generation, verdicts };
    }
    case 'lease':
      return { type: 'leased', raise: effect.raise, generation: effect.generation };
    case 'dropLeases':
    case 'lowerLinks':
    case 'flushConntrack':
      return { type: 'closeStep', step: effect.do, generation: effect.generation };
    case 'defineWork':
    case 'judgeWork': {
      const judged = verdict('definition', outcome('definition'));
      return { type: 'defined', name: effect.name, generation: effect.generation, verdict: judged };
    }
    case 'raiseWork':
      return { type: 'raised', name: effect.name, generation: effect.generation };
    case 'awaitReady':
      return { type: 'ready', name: effect.name, generation: effect.generation };
    case 'stopWork':
      return { type: 'workEnded', name: effect.name };
    default:
      return undefined;
  }
}
