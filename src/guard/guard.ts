/** The guard as the supervisor sees it: a handle on a separate process. */
import type { Endpoint, UplinkIdentity } from '../core/policy/egress-policy.ts';
import type { FrameCounts, GuardReport } from './protocol.ts';

export interface Guard {
  readonly pid: number;
  /** Resolves when the process is gone. Never rejects. */
  readonly ended: Promise<string>;
  setPolicy(uplink: UplinkIdentity, endpoints: readonly Endpoint[]): void;
  /** Pass allowed frames for `forMs` (at most MAX_ARM_MS) from now, on both host clocks. */
  arm(generation: number, forMs: number): void;
  disarm(): void;
  /** Hex tokens to look for; empty to stop. */
  watchFor(tokens: readonly string[]): void;
  /** Counts after everything already sent by the gateway was judged. @throws GUARD_SILENT after `timeoutMs` */
  sync(timeoutMs?: number): Promise<{ readonly counts: FrameCounts; readonly armed: boolean }>;
  onReport(listener: (report: GuardReport) => void): void;
  /** SIGKILL and wait. Idempotent. */
  kill(): Promise<void>;
}
