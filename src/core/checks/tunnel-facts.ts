/** What every kind of tunnel is judged by, and what is judged alike for all. */
import type { CertificateRule } from '../certificate-rule.ts';
import type { Endpoint, TunnelSocket } from '../policy/egress-policy.ts';
import { FRESH_GATEWAY, type Opinion, refuted, unknown, verified } from './check.ts';
import { guestAhead, type Snapshot } from './snapshot.ts';

/** Gateways tell whole seconds, and the two clocks may differ by the `clock` check's bound. */
export const CLOCK_SLACK_MS = 3_000;

/** Of one tunnel; of a chain there is one for each hop. */
export interface TunnelFacts {
  readonly kind: NonNullable<Snapshot['facts']['tunnel']>['kind'];
  readonly policy: TunnelSocket;
  /** The address and port that were resolved, judged and pinned for this connect. */
  readonly endpoint: Endpoint;
  /** What the far end must prove to be, from the profile: for WireGuard its public key, base64. */
  readonly peerIdentity: string;
  /** For kinds whose servers show certificates. */
  readonly certificates: CertificateRule | undefined;
  /** For kinds whose servers prove a name. */
  readonly serverId: string | undefined;
  /** Host wall clock when this connect began. */
  readonly connectBeganMs: number;
  /** Before the probes; undefined in the cheap loop, which asks once. */
  readonly before: Snapshot | undefined;
  readonly after: Snapshot;
}

/** The tunnel of that name, of those that the gateway tells of. */
export function tunnelNamed({ facts }: Snapshot, ifname: string): Snapshot['facts']['tunnel'] {
  return [...(facts.beneath ?? []), facts.tunnel].find((tunnel) => tunnel?.ifname === ifname) ?? null;
}

/** What to do where the server does not let the client in. */
export const RETRY = 'check that the VPN server is up and lets this client in, then: vmgate up';

/** Of a kind whose client says how far it is. */
export function notConnected({ state, log }: { readonly state: string; readonly log: string }): Opinion {
  return refuted('the VPN server does not answer', RETRY, [`state: ${state}`, ...log.split('\n').slice(-3)]);
}

/** Of a kind whose client says since when it is connected (guest epoch milliseconds): its age, and bytes by the kernel's count. */
export function judgeSession(
  sinceMs: number,
  { policy, endpoint, connectBeganMs, before, after }: TunnelFacts,
): Opinion {
  const { middle } = guestAhead(after);
  const ageMs = after.facts.epochMs - sinceMs;
  if (ageMs < -CLOCK_SLACK_MS) return unknown('the session begins in the future', FRESH_GATEWAY, [`${ageMs} ms`]);
  if (sinceMs - middle < connectBeganMs - CLOCK_SLACK_MS) {
    const since = [`connected ${Math.round(ageMs / 1_000)} s ago`];
    return refuted('the session is older than this connect', FRESH_GATEWAY, since);
  }
  const now = carried(after, policy.ifname);
  const then = before === undefined ? { received: 0, sent: 0 } : carried(before, policy.ifname);
  const moved = { received: now.received - then.received, sent: now.sent - then.sent };
  return judgeTraffic(moved, `${endpoint.address}:${endpoint.port}`, before);
}

/** Bytes in the tunnel since `before`, or since it was made. */
export function judgeTraffic(
  { received, sent }: { readonly received: number; readonly sent: number },
  endpoint: string,
  before: Snapshot | undefined,
): Opinion {
  const since = before === undefined ? 'since the tunnel was made' : 'during this verification';
  const evidence = [`received ${received} bytes, sent ${sent} bytes ${since}`];
  if (received <= 0 || sent <= 0) {
    return unknown('data did not go both ways through the tunnel', 'vmgate verify', evidence);
  }
  return verified('the pinned VPN server answers and data goes both ways', [`endpoint: ${endpoint}`, ...evidence]);
}

/** Of a kind that tells by which interface it runs, and where it ends: whether one of them is another. */
export function misplaced(
  found: { readonly ifname: string; readonly endpoint: string },
  expected: { readonly ifname: string; readonly endpoint: string },
  more: readonly string[] = [],
): Opinion | undefined {
  const wrong = [...differs('interface', found.ifname, expected.ifname), ...more];
  if (wrong.length > 0) return refuted('the tunnel is not set up as the profile says', FRESH_GATEWAY, wrong);
  const moved = differs('endpoint', found.endpoint, expected.endpoint);
  if (moved.length === 0) return undefined;
  return refuted('the tunnel ends at another place than the pinned endpoint', FRESH_GATEWAY, moved);
}

export function differs(what: string, found: string | number, expected: string | number): readonly string[] {
  return found === expected ? [] : [`${what}: found ${found}, expected ${expected}`];
}

/** What came out of the tunnel's interface and went into it, by the kernel's count. */
function carried({ facts }: Snapshot, ifname: string): { readonly received: number; readonly sent: number } {
  const link = facts.links.find((each) => each.ifname === ifname);
  return { received: link?.rxBytes ?? 0, sent: link?.txBytes ?? 0 };
}
