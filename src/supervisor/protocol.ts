/**
 * Lines between the CLI and a supervisor on its 0600 socket: JSON, one message a line. Requests carry an id; answers are
 * any number of `event`, then one `result` or `error`. `dial`, `reach`,
 * `connect`, `portal-connect` and `screenshot` turn the connection into raw bytes after their result.
 */
import * as z from 'zod';
import { receiptBinding } from '../core/receipt.ts';

export const MAX_REQUEST = 65_536;

const name = z.string().max(64);
const port = z.int().min(1).max(65_535);

export const request = z.discriminatedUnion('verb', [
  /** `code`: for a VPN server that asks for one at each connect. */
  z.strictObject({
    id: z.int(),
    verb: z.literal('up'),
    config: z.string().max(4_096),
    digest: z.string().max(80),
    code: z.string().min(1).max(256).optional(),
  }),
  z.strictObject({ id: z.int(), verb: z.literal('down') }),
  z.strictObject({ id: z.int(), verb: z.literal('start'), name, disposable: z.boolean().optional() }),
  z.strictObject({ id: z.int(), verb: z.literal('stop'), name, force: z.boolean() }),
  z.strictObject({ id: z.int(), verb: z.literal('status') }),
  z.strictObject({ id: z.int(), verb: z.literal('verify') }),
  z.strictObject({ id: z.int(), verb: z.literal('watch') }),
  z.strictObject({ id: z.int(), verb: z.literal('logs') }),
  /** What a work VM's screen shows. */
  z.strictObject({ id: z.int(), verb: z.literal('screenshot'), name }),
  /** A TCP connection to a work VM, made by the gateway on that VM's link. */
  z.strictObject({ id: z.int(), verb: z.literal('dial'), name, port }),
  /** The same, cut when the gate closes or the VM ends. */
  z.strictObject({ id: z.int(), verb: z.literal('reach'), name, port }),
  /** A TCP connection through the tunnel, to an address or a name that is looked up inside it; cut when the gate closes. */
  z.strictObject({ id: z.int(), verb: z.literal('connect'), host: z.string().max(256), port }),
  /** Events for as long as a `vmgate proxy` runs; the tunnel keeps a lease for it while the gate is open. */
  z.strictObject({ id: z.int(), verb: z.literal('proxy') }),
  /** Somebody signs in to a portal: events for as long as it takes. `url`: where to begin, if not where it was found. */
  z.strictObject({
    id: z.int(),
    verb: z.literal('portal'),
    url: z.string().max(2_048).nullable(),
    allow: z.array(z.string().max(256)).max(64),
  }),
  /** A TCP connection to a portal, in clear, made by the gateway while somebody signs in. */
  z.strictObject({ id: z.int(), verb: z.literal('portal-connect'), host: z.string().max(256), port }),
  /** A person lets the portal lead there too. */
  z.strictObject({ id: z.int(), verb: z.literal('portal-allow'), host: z.string().max(256) }),
  /** Events for as long as that work VM runs. */
  z.strictObject({ id: z.int(), verb: z.literal('forward'), name }),
]);
export type Request = z.infer<typeof request>;

/** Distributes over the union, so that each verb keeps its own fields. */
type Unnumbered<T> = T extends { readonly id: number } ? Omit<T, 'id'> : never;
export type Ask = Unnumbered<Request>;

export const serializedFault = z.object({
  code: z.string(),
  exit: z.literal([0, 1, 2, 3, 4, 5, 6, 7, 130]),
  what: z.string(),
  evidence: z.array(z.string()),
  remedy: z.string(),
  payload: z.unknown(),
});

const codedEvent = z.object({
  code: z.string(),
  at: z.string(),
  level: z.enum(['info', 'warn', 'error']),
  text: z.string(),
  payload: z.unknown(),
});

export const answer = z.union([
  z.object({ id: z.int(), event: codedEvent }),
  z.object({ id: z.int(), result: z.unknown() }),
  z.object({ id: z.int(), error: serializedFault }),
]);
export type Answer = z.infer<typeof answer>;

const verdict = z.object({
  check: z.string(),
  outcome: z.enum(['verified', 'refuted', 'unknown', 'not asked']),
  summary: z.string(),
  evidence: z.array(z.string()),
  remedy: z.string(),
  trust: z.object({ gatewayCouldFake: z.string(), hostWitness: z.string() }),
  durationMs: z.number(),
});

const claim = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('address'), address: z.string() }),
  z.object({ kind: z.literal('round-trip') }),
]);

/** `vmgate status --json`: fields are added, never changed or removed. */
export const statusReport = z.object({
  version: z.literal(1),
  gate: z.string(),
  phase: z.string(),
  /** ISO 8601: when this phase began. */
  since: z.string(),
  why: z.string(),
  claim: claim.nullable(),
  /** `order`: all profiles of the configuration, where there are several; `because`: why the one before this was given up. */
  vpn: z
    .object({
      profile: z.string(),
      endpoint: z.string(),
      /** Of a chain: what `profile` runs through, the outermost first. */
      through: z
        .array(z.object({ profile: z.string(), endpoint: z.string() }))
        .max(8)
        .optional(),
      order: z.array(z.string()).max(64).optional(),
      because: z.string().optional(),
    })
    .nullable(),
  /** `binding`: what a receipt has to speak about to be this gate's. */
  receipt: z.object({ expiresInMs: z.number(), binding: receiptBinding }).nullable(),
  verdicts: z.array(verdict),
  work: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      linkUp: z.boolean(),
      /** How its screen can be seen, as vmgate.yaml says. */
      display: z.enum(['none', 'window', 'vnc']).optional(),
      address: z.string(),
      pid: z.number().nullable(),
    }),
  ),
  /** By work VMs' rules, since the tunnel was last connected. `otherwise`: nothing fitted, and the default denied. */
  denied: z
    .array(
      z.object({ work: z.string(), file: z.string(), line: z.number(), otherwise: z.boolean(), packets: z.number() }),
    )
    .max(1_024)
    .optional(),
  uplink: z
    .object({
      passed: z.record(z.string(), z.object({ frames: z.number(), bytes: z.number() })),
      held: z.number(),
      foreign: z.number(),
      canaries: z.number(),
      overrun: z.number(),
      unrecorded: z.number(),
    })
    .nullable(),
  /** Since the supervisor began, over all its gateways. `outBytes` by the guard, `inBytes` as the gateway says. */
  traffic: z
    .object({
      since: z.string(),
      outBytes: z.number(),
      inBytes: z.number(),
      blocked: z.number(),
      held: z.number(),
    })
    .nullable(),
  /** `vmgate proxy` and `vmgate forward` that wait, and what goes through them now. */
  host: z.object({ listeners: z.number(), connections: z.number() }).nullable(),
  /** Events that the disk did not take; blocked frames of which it took nothing, or too many came at once. */
  unwritten: z.object({ events: z.number(), frames: z.number() }),
  config: z.object({ path: z.string(), digest: z.string(), changed: z.boolean() }).nullable(),
  supervisor: z.object({ pid: z.number() }).nullable(),
  /** Environment variables that were ignored because they weaken TLS or add proxies. */
  ignoredEnvironment: z.array(z.string()),
  lastEvent: codedEvent.nullable(),
});
export type StatusReport = z.infer<typeof statusReport>;

/** Result of `verify`. */
export const verifyResult = z.object({ open: z.boolean(), verdicts: z.array(verdict), claim: claim.nullable() });
export type VerifyResult = z.infer<typeof verifyResult>;
