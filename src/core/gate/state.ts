/** The gate's state: plain data, replaced whole by each step. */
import type { SerializedFault } from '../coded.ts';
import type { Claim, Verdict } from '../verdict.ts';

/**
 * `addressing` asks the local network for an address, where DHCP gives them; `closed` waits for its retry timer;
 * `closing` runs the closing order; `portal` is closed behind a portal of the local network and watches for its end;
 * `sign-in` lets somebody through to that portal and lets nothing else; `violated` waits for a human's `up`; `stopping` is
 * `down` under way.
 */
export type Phase =
  | 'down'
  | 'booting'
  | 'addressing'
  | 'closed'
  | 'portal'
  | 'sign-in'
  | 'connecting'
  | 'verifying'
  | 'open'
  | 'closing'
  | 'violated'
  | 'stopping';

/** Why the gate is not open, as coded data; rendered by whoever shows it. */
export type CloseReason =
  | { readonly kind: 'fault'; readonly fault: SerializedFault }
  /** The receipt's time was over before a verification renewed it. */
  | { readonly kind: 'expired' }
  | { readonly kind: 'verdicts'; readonly failed: readonly Verdict[] };

/** The closing order after the guard (which is local and cannot block). Each step has a 1 s deadline. */
export const CLOSE_STEPS = ['dropLeases', 'lowerLinks', 'flushConntrack'] as const;
export type CloseStep = (typeof CLOSE_STEPS)[number];

/** What a work VM does when the gate closes, beside losing its wire; whoever is not named here runs on. */
export type OnLoss = 'pause' | 'stop';

/** Where a close leads once its steps are through. */
export type CloseTarget = 'closed' | 'booting' | 'violated' | 'stopping';

export interface Closing {
  readonly step: CloseStep;
  /** A step that failed or was late: the gateway cannot be trusted to have let go, so it is killed. */
  readonly failed: boolean;
  readonly target: CloseTarget;
}

export interface WorkState {
  /** `defining`: process exists, frozen; `running`: its CPU was started. */
  readonly status: 'stopped' | 'defining' | 'running' | 'stopping';
  /** Definition verified in this generation of the open gate: its link may hold a lease and be up. */
  readonly admitted: boolean;
  /** Its definition was asked for in this generation and is not known yet. */
  readonly judging: boolean;
  /** Requests to stop it while it stops, to start it before. */
  readonly waiters: readonly number[];
}

export const STOPPED: WorkState = { status: 'stopped', admitted: false, judging: false, waiters: [] };

export interface Receipt {
  readonly claim: Claim;
  /** Host monotonic milliseconds. */
  readonly expiresMs: number;
}

/**
 * Whether a portal may be what a tunnel failed for: `due` once the close is through, `asked` while the host's side looks
 * for one and the next attempt waits.
 */
export type PortalLook = 'no' | 'due' | 'asked';

/** The VPN profiles of the configuration: failover.ts. */
export interface Profiles {
  /** As configured, in order; empty before the configuration was read. */
  readonly names: readonly string[];
  /** Which of them the gateway is for. */
  readonly at: number;
  /** How many in a row gave no tunnel, since one did or all were tried. */
  readonly missed: number;
  /** Why the one before was given up; undefined for one that was not switched to. */
  readonly because: CloseReason | undefined;
}

export const NO_PROFILES: Profiles = { names: [], at: 0, missed: 0, because: undefined };

export interface GateState {
  readonly phase: Phase;
  /** The user asked for an open gate: closes lead to retries. */
  readonly wanted: boolean;
  /** Counts connects. Effects and timers carry it; an answer of an older generation changes nothing. */
  readonly generation: number;
  /** Failed attempts in a row, for the backoff. */
  readonly retries: number;
  readonly gatewayAlive: boolean;
  /** The gateway has no address before the local network gave it one; as its boot said. */
  readonly dhcp: boolean;
  /** Gateway and guard hold this generation's policy: only then may the guard be armed. */
  readonly pinned: boolean;
  readonly closing: Closing | undefined;
  readonly reason: CloseReason | undefined;
  readonly receipt: Receipt | undefined;
  /** The next pulse is to be a full verification. */
  readonly reverifyDue: boolean;
  /** When one is due by itself, host monotonic milliseconds; undefined while one is due or under way. */
  readonly reverifyAtMs: number | undefined;
  /** Was open since the last `up`: from then on even a machine's fault is retried instead of undoing everything. */
  readonly everOpen: boolean;
  readonly verdicts: readonly Verdict[];
  readonly look: PortalLook;
  readonly profiles: Profiles;
  readonly upWaiters: readonly number[];
  /** Who asked to be let through to a portal and is not yet. */
  readonly signInWaiters: readonly number[];
  readonly downWaiters: readonly number[];
  readonly work: Readonly<Record<string, WorkState>>;
  /** As the configuration says, by work VM. */
  readonly onLoss: Readonly<Record<string, OnLoss>>;
}

export function initialState(workVms: readonly string[]): GateState {
  return {
    phase: 'down',
    wanted: false,
    generation: 0,
    retries: 0,
    gatewayAlive: false,
    dhcp: false,
    pinned: false,
    closing: undefined,
    reason: undefined,
    receipt: undefined,
    reverifyDue: false,
    reverifyAtMs: undefined,
    everOpen: false,
    verdicts: [],
    look: 'no',
    profiles: NO_PROFILES,
    upWaiters: [],
    signInWaiters: [],
    downWaiters: [],
    work: Object.fromEntries(workVms.map((name) => [name, STOPPED])),
    onLoss: {},
  };
}

const ARMED: readonly Phase[] = ['addressing', 'connecting', 'verifying', 'open', 'sign-in'];

/** The guard's deadline is pushed only in these phases. */
export function isArmed(state: GateState): boolean {
  return state.pinned && ARMED.includes(state.phase);
}

/** Open, by a receipt whose time is not over: one past it serves nobody. `nowMs`: host monotonic. */
export function isProven({ phase, receipt }: GateState, nowMs: number): boolean {
  return phase === 'open' && receipt !== undefined && nowMs < receipt.expiresMs;
}

/** Work VMs whose links hold a lease. */
export function admittedVms(state: GateState): readonly string[] {
  return Object.keys(state.work).filter((name) => state.work[name]?.admitted === true);
}
