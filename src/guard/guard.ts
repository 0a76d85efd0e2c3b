/** The guard as the supervisor sees it: a handle on a separate process. */
import type { Endpoint, PortalPolicy, TunnelPolicy, UplinkIdentity } from '../core/policy/egress-policy.ts';
import type { FrameCounts, GuardReport } from './protocol.ts';

export interface Guard {
  readonly pid: number;
  /** Resolves when the process is gone. Never rejects. */
  readonly ended: Promise<string>;
  /** Disarms. With `tunnel` the VPN socket's port and the padding of its packets are held to as well. */
  setPolicy(
    uplink: UplinkIdentity,
    endpoints: readonly Endpoint[],
    tunnel?: Pick<TunnelPolicy, 'localPort' | 'mtu'>,
  ): void;
  /**
   * Pass allowed frames for `forMs` (at most MAX_ARM_MS) from now, on both host clocks. After `setPolicy`, `disarm` or
   * a clock jump only a generation higher than any before does.
   */
  arm(generation: number, forMs: number): void;
  /** Instead of endpoints: a portal, for five minutes at most. Disarms. */
  setPortal(uplink: UplinkIdentity, portal: PortalPolicy): void;
  /** More of the same portal. Neither arms nor disarms nor buys time; without effect under any other policy. */
  extendPortal(portal: PortalPolicy): void;
  disarm(): void;
  /** Hex tokens to look for; empty to stop. */
  watchFor(tokens: readonly string[]): void;
  /** Counts after everything already sent by the gateway was judged. @throws GUARD_SILENT after `timeoutMs` */
  sync(timeoutMs?: number): Promise<{ readonly counts: FrameCounts; readonly armed: boolean }>;
  onReport(listener: (report: GuardReport) => void): void;
  /** SIGKILL and wait. Idempotent. */
  kill(): Promise<void>;
}
