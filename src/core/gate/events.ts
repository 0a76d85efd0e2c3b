/** What happened: requests of users, answers of effects, and things nobody asked for. */
import type { SerializedFault } from '../coded.ts';
import type { Claim, Verdict } from '../verdict.ts';
import type { Effect, TimerName } from './effects.ts';
import type { CloseStep, OnLoss } from './state.ts';

export type GateEvent =
  | { readonly type: 'up'; readonly request: number; readonly configChanged: boolean }
  | { readonly type: 'down'; readonly request: number }
  | { readonly type: 'start'; readonly request: number; readonly name: string; readonly nowMs: number }
  | { readonly type: 'stop'; readonly request: number; readonly name: string; readonly force: boolean }
  /** Somebody asks to be let through to a portal. */
  | { readonly type: 'signIn'; readonly request: number }
  /** Who was let through is done or gone, or the guard's time for it is over. */
  /** `fault`: why, where nobody said so. */
  | { readonly type: 'signInOver'; readonly generation: number; readonly fault?: SerializedFault }
  /** The configuration was read (again): its work VMs, and its VPN profiles in their order. */
  | {
      readonly type: 'configured';
      readonly workVms: readonly { readonly name: string; readonly onLoss: OnLoss | 'block' }[];
      readonly profiles: readonly string[];
    }
  /** Heartbeat of the supervisor's own loop, each second. `nowMs`: host monotonic milliseconds. */
  | { readonly type: 'tick'; readonly nowMs: number }
  /**
   * A sensor noticed that what the last verification stood on is gone: the machine slept, a clock jumped, the network is
   * another one. Told before anything else that happened meanwhile.
   */
  | { readonly type: 'shaken'; readonly fault: SerializedFault }
  /** Somebody asks for a full verification: a person, or a sensor that noticed what cannot matter to the uplink. */
  | { readonly type: 'recheck' }
  /** `dhcp`: its uplink has no address before the local network gave it one. */
  | { readonly type: 'booted'; readonly generation: number; readonly dhcp: boolean }
  | { readonly type: 'gatewayKilled'; readonly generation: number }
  | { readonly type: 'dhcpAdmitted'; readonly generation: number }
  | { readonly type: 'addressed'; readonly generation: number }
  /** `found`: the portal, as the error that names it; `tookMs`: how long it was looked for. */
  | {
      readonly type: 'portalLooked';
      readonly generation: number;
      readonly found: SerializedFault | undefined;
      readonly tookMs: number;
    }
  | { readonly type: 'portalAdmitted'; readonly generation: number }
  | { readonly type: 'pinned'; readonly generation: number }
  | { readonly type: 'connected'; readonly generation: number }
  | {
      readonly type: 'judged';
      readonly generation: number;
      readonly verdicts: readonly Verdict[];
      readonly claim: Claim | undefined;
      readonly nowMs: number;
      /** How long a receipt made now may serve; bounded by the configuration's schema. */
      readonly maxAgeMs: number;
      /** When to verify again in full. */
      readonly everyMs: number;
    }
  | { readonly type: 'pulsed'; readonly generation: number; readonly verdicts: readonly Verdict[] }
  | { readonly type: 'closeStep'; readonly step: CloseStep; readonly generation: number }
  /** A VM that outlived an earlier supervisor; its link was set down before this event. */
  | { readonly type: 'adopted'; readonly name: string }
  | { readonly type: 'defined'; readonly name: string; readonly generation: number; readonly verdict: Verdict }
  | { readonly type: 'leased'; readonly raise: string | undefined; readonly generation: number }
  | { readonly type: 'raised'; readonly name: string; readonly generation: number }
  | { readonly type: 'ready'; readonly name: string; readonly generation: number }
  /** `fault`: how it ended, where nobody had asked for it. */
  | { readonly type: 'workEnded'; readonly name: string; readonly fault?: SerializedFault }
  | { readonly type: 'timer'; readonly name: TimerName; readonly generation: number }
  /** An effect could not do its work, or was late. */
  | { readonly type: 'failed'; readonly effect: Effect; readonly fault: SerializedFault }
  /** Seen from outside the guest: foreign frame or canary on the uplink. */
  | { readonly type: 'violation'; readonly fault: SerializedFault }
  /** A part died or stopped passing by itself: guard, gateway, control channel. */
  | { readonly type: 'partLost'; readonly generation: number; readonly fault: SerializedFault };
