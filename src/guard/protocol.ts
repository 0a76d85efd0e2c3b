/**
 * Lines between supervisor and guard: JSON, one message a line, on the guard's stdin (orders) and stdout (reports).
 * EOF on stdin means the supervisor is gone: the guard passes nothing and ends.
 *
 * Deadlines are absolute on both host clocks, so that an order that waited in the pipe (guard stopped, host asleep)
 * cannot re-arm by arriving late. CLOCK_MONOTONIC is one clock for all processes of a boot: clock_gettime(2).
 */
import * as z from 'zod';

/** No order arms for longer than this, and a wall/monotonic disagreement of this much disarms. */
export const MAX_ARM_MS = 5_000;

const endpoint = z.strictObject({
  address: z.ipv4(),
  port: z.int().min(1).max(65_535),
  protocol: z.enum(['udp', 'tcp']),
  shape: z.enum(['wireguard', 'openvpn', 'ipsec', 'openconnect']),
});

const uplink = z.strictObject({
  mac: z.string().regex(/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i),
  address: z.ipv4().optional(),
  nextHop: z.ipv4().optional(),
  dhcp: z.boolean(),
});

/** Longest that a portal is let through to, from the first policy that does, on the guard's own clocks. */
export const MAX_PORTAL_MS = 300_000;

const portal = z.strictObject({
  resolver: z.ipv4(),
  names: z.array(z.string().regex(/^(?=.{1,253}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*$/)).max(64),
  addresses: z.array(z.ipv4()).max(256),
});

/** First line: where the gateway's filter-redirector sockets are, and where evidence goes. */
const guardSetup = z.strictObject({
  type: z.literal('setup'),
  /** Unix socket frames leaving the gateway are read from (QEMU chardev `fo`). */
  outgoing: z.string(),
  /** Unix socket allowed frames are written to (QEMU chardev `fi`). */
  released: z.string(),
  /** Folder (0700) for the evidence ring. */
  evidence: z.string(),
  evidenceMaxBytes: z.int().positive(),
});

export const guardOrder = z.discriminatedUnion('type', [
  guardSetup,
  /**
   * Replaces the policy. Disarms first: a new policy needs a new `arm` of a higher generation. The guard connects to
   * the gateway once it has its first policy: there is never a frame it could not judge.
   */
  z.strictObject({
    type: z.literal('policy'),
    uplink,
    endpoints: z.array(endpoint).max(8),
    /** The VPN socket, once planned: pins the source port and, by the MTU, the padding of data packets. */
    tunnel: z
      .strictObject({ localPort: z.int().min(1).max(65_535), mtu: z.int().min(576).max(65_535).optional() })
      .optional(),
    /** Somebody signs in to a portal. Ends by itself after {@link MAX_PORTAL_MS}. */
    portal: portal.optional(),
  }),
  /** More of the portal that the policy is for; arms nothing, disarms nothing, and is ignored under any other policy. */
  z.strictObject({ type: z.literal('portal'), portal }),
  /**
   * Pass allowed frames until both deadlines; ignored unless `generation` is the current or a higher one, and after
   * `policy`, `disarm` or a clock jump unless it is higher than any seen.
   */
  z.strictObject({
    type: z.literal('arm'),
    generation: z.int().nonnegative(),
    /** process.hrtime.bigint() / 1e6 at which to stop, as a number of milliseconds. */
    monotonicMs: z.number(),
    /** Date.now() at which to stop. */
    wallMs: z.number(),
  }),
  z.strictObject({ type: z.literal('disarm') }),
  /** Byte strings (hex) to look for in every frame, allowed ones included. Empty array: stop looking. */
  z.strictObject({ type: z.literal('canaries'), tokens: z.array(z.string().regex(/^([0-9a-f]{2}){8,64}$/)).max(64) }),
  /** Barrier: answered after everything already readable on `outgoing` was judged. */
  z.strictObject({ type: z.literal('sync'), id: z.int() }),
]);
export type GuardOrder = z.infer<typeof guardOrder>;

const frameCounts = z.strictObject({
  /** Let out, by kind (`arp`, `dhcp`, `tunnel`, `portal`). */
  passed: z.record(z.string(), z.strictObject({ frames: z.int(), bytes: z.int() })),
  /** Would have been allowed, but the guard was not armed. */
  held: z.int(),
  /** Matches nothing the policy allows: never let out. */
  foreign: z.int(),
  /** Frames that carried a canary token, whether otherwise allowed or not. */
  canaries: z.int(),
  /** Allowed frames lost to back-pressure. */
  overrun: z.int(),
  /** Foreign frames and canaries of which nothing could be written down as evidence. */
  unrecorded: z.int(),
});
export type FrameCounts = z.infer<typeof frameCounts>;

export const guardReport = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('ready') }),
  /** At most once a second, when something changed. */
  z.strictObject({ type: z.literal('counts'), counts: frameCounts }),
  z.strictObject({ type: z.literal('sync'), id: z.int(), counts: frameCounts, armed: z.boolean() }),
  /**
   * A foreign frame or a canary on the uplink. `why` names the first rule it broke; `frame` is hex, cut to 128 bytes;
   * `recorded`: the evidence files hold it.
   */
  z.strictObject({
    type: z.literal('violation'),
    why: z.string(),
    frame: z.string(),
    canary: z.boolean(),
    recorded: z.boolean(),
  }),
  /** Stopped passing by itself. */
  z.strictObject({ type: z.literal('disarmed'), why: z.enum(['deadline', 'clock-jump', 'order', 'policy', 'portal']) }),
  /** A socket to the gateway closed or could not be opened: the gateway is gone or must go. */
  z.strictObject({ type: z.literal('gateway-lost'), why: z.string() }),
]);
export type GuardReport = z.infer<typeof guardReport>;
