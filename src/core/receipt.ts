/**
 * The receipt: a signed record of one complete, fresh verification. It binds everything the verification was about, so
 * that it proves nothing about another gateway process, another ruleset or another configuration.
 */
import * as z from 'zod';
import { canonicalJson } from './canonical-json.ts';
import { MAX_HOPS } from './policy/chain.ts';
import { type Claim, GATE_CHECKS, type Verdict } from './verdict.ts';

/** Namespace of the SSHSIG signature, so that a receipt's signature serves for nothing else. */
export const RECEIPT_NAMESPACE = 'vmgate-receipt';

/** No configuration makes a receipt live longer (P7). */
export const MAX_RECEIPT_AGE_MS = 3_600_000;

const text = z.string().max(512);
const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);
const name = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/i);
const count = z.int().nonnegative();

const verdict = z.strictObject({
  check: z.enum(GATE_CHECKS),
  outcome: z.enum(['verified', 'not asked']),
  summary: text,
  evidence: z.array(text).max(40),
  /** What an owned gateway could fake here, and which host-side witness corroborates it. */
  trust: z.strictObject({ gatewayCouldFake: text, hostWitness: text }),
  durationMs: z.number().nonnegative(),
});

const moment = z.strictObject({ wall: z.iso.datetime(), monotonicMs: z.number().nonnegative() });

/** One server, and what it proved to be. */
const provedServer = {
  kind: z.enum(['wireguard', 'openvpn', 'ipsec', 'openconnect']),
  /** What the far end proved to be: a public key, or whose certificate it has. */
  peer: z.string().max(512),
  endpoint: z.strictObject({
    address: z.ipv4(),
    port: z.int().min(1).max(65_535),
    protocol: z.enum(['udp', 'tcp']),
  }),
};

export const receiptSchema = z
  .strictObject({
    version: z.literal(1),
    gate: name,
    /** Boot id of the gateway: a fresh gateway process makes every earlier receipt worthless. */
    bootId: z.string().min(1).max(64),
    /** The host's boot: its monotonic clock means nothing in another. */
    hostBootId: z.string().min(1).max(64),
    image: z.strictObject({ digest, parts: z.array(z.strictObject({ name, digest })).max(32) }),
    ruleset: digest,
    configuration: digest,
    /** Work VM -> digest of its definition. */
    work: z.record(name, digest),
    tunnel: z.strictObject({
      ...provedServer,
      /** Of a chain: the servers that it runs through, in order, the first on the untrusted network. */
      through: z
        .array(z.strictObject(provedServer))
        .min(1)
        .max(MAX_HOPS - 1)
        .optional(),
    }),
    claim: z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('address'), address: text }),
      z.strictObject({ kind: z.literal('round-trip') }),
    ]),
    verdicts: z.array(verdict).max(GATE_CHECKS.length),
    /** The guard's counts since the gateway's boot, the host-side witness: `foreign` and `canaries` are 0. */
    guard: z.strictObject({
      passed: count,
      held: count,
      foreign: z.literal(0),
      canaries: z.literal(0),
      overrun: count,
    }),
    /** Digests of what stands here shortened, by name: `verdicts` as they were judged, every line at full length. */
    evidence: z.record(name, digest),
    issued: moment,
    expires: moment,
    nonce: z.string().regex(/^[0-9a-f]{32}$/),
  })
  .superRefine((receipt, context) => {
    const { issued, expires } = receipt;
    const lives = [expires.monotonicMs - issued.monotonicMs, Date.parse(expires.wall) - Date.parse(issued.wall)];
    if (lives.some((life) => life <= 0 || life > MAX_RECEIPT_AGE_MS)) {
      context.addIssue({ code: 'custom', message: 'lives for no time or for more than an hour' });
    }
    const named = new Set(receipt.verdicts.map(({ check }) => check));
    const missing = GATE_CHECKS.filter((check) => !named.has(check));
    if (missing.length > 0) context.addIssue({ code: 'custom', message: `no verdict on ${missing.join(', ')}` });
  });

export type ReceiptContent = z.infer<typeof receiptSchema>;

/** Both host clocks and the boot they belong to. */
export interface HostNow {
  readonly wallMs: number;
  readonly monotonicMs: number;
  readonly hostBootId: string;
}

export type ReceiptFacts = Omit<
  ReceiptContent,
  'version' | 'verdicts' | 'claim' | 'guard' | 'issued' | 'expires' | 'hostBootId'
> & {
  /** As counted; anything foreign makes the receipt impossible. */
  readonly guard: Readonly<Record<keyof ReceiptContent['guard'], number>>;
  readonly verdicts: readonly Verdict[];
  readonly claim: Claim;
};

/**
 * Composes a receipt that lives `maxAgeMs` from `now`, at most {@link MAX_RECEIPT_AGE_MS}. Observations are shortened
 * to the schema's bounds.
 *
 * @throws ZodError when a verdict is refuted, unknown or missing, or the guard saw anything foreign: there is no
 * receipt of a failed verification.
 */
export function composeReceipt(facts: ReceiptFacts, now: HostNow, maxAgeMs: number): ReceiptContent {
  const age = Math.min(maxAgeMs, MAX_RECEIPT_AGE_MS);
  const moment = (offset: number) => ({
    wall: new Date(now.wallMs + offset).toISOString(),
    monotonicMs: now.monotonicMs + offset,
  });
  return receiptSchema.parse({
    ...facts,
    version: 1,
    hostBootId: now.hostBootId,
    verdicts: facts.verdicts.map(recordVerdict),
    issued: moment(0),
    expires: moment(age),
  });
}

function recordVerdict({ check, outcome, summary, evidence, trust, durationMs }: Verdict) {
  const short = (line: string) => line.slice(0, 512);
  return {
    check,
    outcome,
    summary: short(summary),
    evidence: evidence.slice(0, 40).map(short),
    trust: { gatewayCouldFake: short(trust.gatewayCouldFake), hostWitness: short(trust.hostWitness) },
    durationMs,
  };
}

/** The bytes that are signed and stored. */
export function renderReceipt(receipt: ReceiptContent): string {
  return `${canonicalJson(receipt)}\n`;
}

export type Freshness =
  | { readonly state: 'fresh'; readonly remainingMs: number }
  | { readonly state: 'expired'; readonly sinceMs: number }
  /** The host was started again since: no clock says how old the receipt is, and no gateway survived. */
  | { readonly state: 'other boot' }
  /** Issued later than now by a clock that cannot go back. */
  | { readonly state: 'from the future' };

/**
 * Age by the older of both clocks: setting the wall clock back does not bring a receipt to life again, and the
 * monotonic clock's standing still in sleep does not keep it alive.
 */
export function judgeFreshness({ issued, expires, hostBootId }: ReceiptContent, now: HostNow): Freshness {
  if (hostBootId !== now.hostBootId) return { state: 'other boot' };
  if (now.monotonicMs < issued.monotonicMs) return { state: 'from the future' };
  const remainingMs = Math.min(expires.monotonicMs - now.monotonicMs, Date.parse(expires.wall) - now.wallMs);
  return remainingMs > 0 ? { state: 'fresh', remainingMs } : { state: 'expired', sinceMs: 0 - remainingMs };
}

const { gate, bootId, ruleset, configuration, tunnel } = receiptSchema.shape;

/** What a receipt is bound to. Every part must be as it is now. */
export const receiptBinding = z.object({ gate, bootId, ruleset, configuration, tunnel, imageDigest: digest });
export type ReceiptBinding = z.infer<typeof receiptBinding>;

/** The parts of `current` that differ from the receipt's; empty when it speaks about this gate as it is now. */
export function brokenBindings(receipt: ReceiptContent, current: ReceiptBinding): readonly (keyof ReceiptBinding)[] {
  const bound: ReceiptBinding = { ...receipt, imageDigest: receipt.image.digest };
  const keys = ['gate', 'bootId', 'imageDigest', 'ruleset', 'configuration', 'tunnel'] as const;
  return keys.filter((key) => canonicalJson(bound[key]) !== canonicalJson(current[key]));
}
