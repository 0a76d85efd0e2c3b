/** What the supervisor is told to do. It decides nothing: each effect has one runner, each answer is one event. */
import type { SerializedFault } from '../coded.ts';
import type { Claim, Verdict } from '../verdict.ts';
import type { CloseReason, CloseStep, Phase } from './state.ts';

export type Effect =
  /** Fresh gateway process for the VPN profile with that place, its guard (unarmed), control channel. Answer: `booted` or `failed`. */
  | { readonly do: 'bootGateway'; readonly profile: number; readonly generation: number }
  /** Idempotent; also ends the guard. Answer: `gatewayKilled`. */
  | { readonly do: 'killGateway'; readonly generation: number }
  /** Pushes the guard's deadline. No answer. */
  | { readonly do: 'armGuard'; readonly generation: number }
  /** Local, cannot block. No answer. */
  | { readonly do: 'disarmGuard' }
  /** Load a policy of DHCP alone into gateway and guard (which it disarms). Answer: `dhcpAdmitted` or `failed`. */
  | { readonly do: 'admitDhcp'; readonly generation: number }
  /** The local network's address for the gateway, judged; the next policy is made of it. Answer: `addressed` or `failed`. */
  | { readonly do: 'askAddress'; readonly generation: number }
  /** Asks from the host's side whether a portal is in the way. Answer: `portalLooked` or `failed`. */
  | { readonly do: 'lookForPortal'; readonly generation: number }
  /** Load the policy of a portal into gateway and guard (which it disarms). Answer: `portalAdmitted` or `failed`. */
  | { readonly do: 'admitPortal'; readonly generation: number }
  /** Resolve and pin the endpoint, load the policy into gateway and guard (which it disarms). Answer: `pinned` or `failed`. */
  | { readonly do: 'pin'; readonly generation: number }
  /** Tunnel interface, routes, resolvers; a first answer through it. Answer: `connected` or `failed`. */
  | { readonly do: 'startTunnel'; readonly generation: number }
  /** Every required check; `admitted` keep their leases meanwhile. Answer: `judged` or `failed`. */
  | { readonly do: 'verify'; readonly generation: number; readonly admitted: readonly string[] }
  /** The cheap checks. Answer: `pulsed` or `failed`. */
  | { readonly do: 'pulse'; readonly generation: number; readonly admitted: readonly string[] }
  /**
   * 15 s for the probe link and the links of `admitted`, none for any other. Run in the order they were asked for, so
   * that the last list holds. Answer: `leased` or `failed`.
   */
  | {
      readonly do: 'lease';
      readonly admitted: readonly string[];
      readonly raise: string | undefined;
      readonly generation: number;
    }
  /** One step of the closing order, 1 s. Answer: `closeStep` or `failed`. */
  | { readonly do: CloseStep; readonly generation: number }
  /**
   * Of a work VM that holds no lease and whose link may be up all the same. No step of a close, which is not to take its
   * answer for one. No answer, or `failed`.
   */
  | { readonly do: 'lowerLink'; readonly name: string }
  | { readonly do: 'revokeReceipt' }
  | {
      readonly do: 'writeReceipt';
      readonly generation: number;
      readonly verdicts: readonly Verdict[];
      readonly claim: Claim;
      readonly expiresMs: number;
    }
  /** Process frozen, link down, facts judged. Answer: `defined` or `failed`. */
  | { readonly do: 'defineWork'; readonly name: string; readonly generation: number }
  /** The same judgement of a VM that already runs. Answer: `defined` or `failed`. */
  | { readonly do: 'judgeWork'; readonly name: string; readonly generation: number }
  /** CPU on, link still down: the judged VM boots while its lease is asked for. No answer. */
  | { readonly do: 'resumeWork'; readonly name: string; readonly generation: number }
  /** CPU on (if frozen), then link up, last. Answer: `raised` or `failed`. */
  | { readonly do: 'raiseWork'; readonly name: string; readonly generation: number }
  /** Answer: `ready` or `failed`. */
  | { readonly do: 'awaitReady'; readonly name: string; readonly generation: number }
  /** Its wire is down; CPU off until it is raised again. No answer, or `failed`. */
  | { readonly do: 'pauseWork'; readonly name: string }
  /** ACPI, then force. Answer: `workEnded`. */
  | { readonly do: 'stopWork'; readonly name: string; readonly force: boolean }
  | { readonly do: 'timer'; readonly name: TimerName; readonly ms: number; readonly generation: number }
  | { readonly do: 'reply'; readonly to: readonly number[]; readonly outcome: Outcome }
  /** State changed: journal it and tell whoever watches. */
  | {
      readonly do: 'announce';
      readonly phase: Phase;
      readonly reason: CloseReason | undefined;
      readonly claim: Claim | undefined;
    }
  /** The supervisor ends. */
  | { readonly do: 'exit' };

export type TimerName = 'retry' | 'pulse' | 'portal';

export type Outcome =
  | { readonly ok: true; readonly already: boolean }
  | { readonly ok: false; readonly because: RefusalCause };

/** Why a request was not granted; the supervisor turns it into a coded error. */
export type RefusalCause =
  | { readonly kind: 'notOpen'; readonly phase: Phase; readonly reason: CloseReason | undefined }
  | { readonly kind: 'cancelled' }
  /** Only a gate that is closed and waits lets somebody through to a portal. */
  | { readonly kind: 'noSignIn'; readonly phase: Phase; readonly reason: CloseReason | undefined }
  | { readonly kind: 'fault'; readonly fault: SerializedFault }
  | { readonly kind: 'definition'; readonly verdict: Verdict };
