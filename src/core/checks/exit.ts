/**
 * Check `exit`: a server outside says where the traffic comes out. With an expectation the claim is `address`; without
 * one nothing is asked and the claim is the `dns` check's round trip.
 *
 * Of a tunnel with IPv6 the same server is asked over that too, if it has such an address: work VMs come out there as well.
 */
import type { Claim } from '../verdict.ts';
import { type Check, notAsked, type Opinion, refuted, unknown, verified } from './check.ts';
import type { ClockFacts } from './clock.ts';
import { isAddress, within } from './prefix.ts';

export type JsonScalar = string | number | boolean;

export interface ExitSettings {
  readonly url: string;
  /** CIDRs (or single addresses) the answer must lie in, or fields its JSON object must have. */
  readonly expect: readonly string[] | { readonly json: Readonly<Record<string, JsonScalar>> };
}

/** What came back from `url`, asked through the tunnel. */
export type ExitAnswer =
  | {
      readonly kind: 'response';
      readonly status: number;
      readonly body: string;
      readonly address: string;
      /** The `Date` header, only where a certificate was checked; for the `clock` check. */
      readonly date: ClockFacts['date'];
    }
  /** Whoever answered could not prove to be the server. */
  | { readonly kind: 'untrusted'; readonly reason: string; readonly address: string }
  /** vmgate did not ask: the name led to an address it must not ask at. */
  | { readonly kind: 'withheld'; readonly reason: string };

/** Asked over IPv6, and not answered. */
export interface ExitSilence {
  readonly kind: 'silent';
  readonly reason: string;
  readonly address: string;
}

export interface ExitFacts {
  readonly settings: ExitSettings | undefined;
  /** Split tunnel: what is outside of it has no exit, so the expectation is not optional. */
  readonly split: boolean;
  /** Undefined only when there are no settings. */
  readonly answer: ExitAnswer | undefined;
  /** Whether the tunnel carries IPv6. */
  readonly hasIpv6?: boolean;
  /** Undefined when the server has no IPv6 address that the tunnel leads to, or the tunnel no IPv6. */
  readonly answer6?: ExitAnswer | ExitSilence | undefined;
}

const EXPECT = 'set verify.exit.url and verify.exit.expect in vmgate.yaml, then: vmgate up';

export const exitCheck: Check<ExitFacts> = {
  name: 'exit',
  trust: {
    gatewayCouldFake: 'with https nothing: the certificate is checked on the host; with http the whole answer',
    hostWitness: 'the guard: no frame leaves but to the VPN endpoint, so the question went through it or nowhere',
  },
  judge,
};

/** What a verified (or unasked) exit entitles to say. Undefined: nothing. */
export function exitClaim(facts: ExitFacts, opinion: Opinion): Claim | undefined {
  if (opinion.outcome === 'not asked') return { kind: 'round-trip' };
  if (opinion.outcome !== 'verified' || facts.answer?.kind !== 'response') return undefined;
  const { body } = facts.answer;
  const json = jsonObject(body);
  const named = json === undefined ? body.trim() : (json['ip'] ?? json['address'] ?? json['query']);
  const host = facts.settings === undefined ? '' : new URL(facts.settings.url).hostname;
  return { kind: 'address', address: isAddress(named) ? named : `as expected by ${host}` };
}

function judge(facts: ExitFacts): Opinion {
  const { settings, hasIpv6, answer6 } = facts;
  const first = judgeAnswer(facts);
  if (hasIpv6 !== true || settings === undefined || first.outcome !== 'verified') return first;
  const host = new URL(settings.url).hostname;
  if (answer6 === undefined) {
    return {
      ...first,
      evidence: [...first.evidence, `over IPv6 not asked: ${host} has no IPv6 address in the tunnel`],
    };
  }
  const second = answer6.kind === 'silent' ? unanswered(settings, answer6) : judgeAnswer({ ...facts, answer: answer6 });
  const evidence = [...first.evidence, ...second.evidence];
  if (second.outcome !== 'verified') return { ...second, summary: `over IPv6: ${second.summary}`, evidence };
  return { ...first, summary: `${first.summary}; over IPv6: ${second.summary}`, evidence };
}

function unanswered({ url }: ExitSettings, { address, reason }: ExitSilence): Opinion {
  const remedy =
    'if this VPN has no IPv6 that works, say so in its profile (docs/using.md, "IPv6") and add it again; else: vmgate verify';
  return unknown('the exit server does not answer', remedy, [`asked ${url} at ${address}`, reason]);
}

function judgeAnswer({ settings, split, answer }: ExitFacts): Opinion {
  if (settings === undefined) {
    return split
      ? unknown('a split tunnel needs an expected exit and none is configured', EXPECT)
      : notAsked('no expected exit address is configured', EXPECT);
  }
  if (answer === undefined) return unknown('the exit was not asked', 'vmgate verify');
  const retry = `look at ${settings.url} and verify.exit in vmgate.yaml, then: vmgate up`;
  if (answer.kind === 'withheld') return unknown(answer.reason, retry);
  if (answer.kind === 'untrusted') {
    // A clock years off makes every certificate too young or too old, and nobody has a date to tell so (P10).
    const untimely = /^CERT_(HAS_EXPIRED|NOT_YET_VALID)\b/.test(answer.reason);
    const remedy = untimely ? `look whether the clock of this machine is right (date); if it is, ${retry}` : retry;
    return refuted('whoever answers as the exit server cannot prove to be it', remedy, [
      `asked ${settings.url} at ${answer.address}`,
      answer.reason,
    ]);
  }
  const evidence = [`asked ${settings.url} at ${answer.address}`, `status ${answer.status}`];
  if (answer.status !== 200) return unknown('the exit server did not answer the question', retry, evidence);
  return matchBody(settings.expect, answer.body, retry, evidence);
}

function matchBody(expect: ExitSettings['expect'], body: string, retry: string, asked: readonly string[]): Opinion {
  const evidence = [...asked, `answer: ${body.trim().slice(0, 200)}`];
  if ('json' in expect) {
    const json = jsonObject(body);
    if (json === undefined) return unknown('the exit server did not answer with a JSON object', retry, evidence);
    const wanted = Object.entries(expect.json);
    const wrong = wanted.filter(([field, value]) => json[field] !== value);
    if (wanted.length === 0) return unknown('verify.exit.expect names no field', retry, evidence);
    if (wrong.length > 0) {
      const lines = wrong.map(([field, value]) => `${field}: expected ${value}, found ${JSON.stringify(json[field])}`);
      return refuted('traffic does not come out where it should', retry, [...asked, ...lines]);
    }
    return verified('the exit server confirms what was expected', evidence);
  }
  const address = body.trim();
  if (!isAddress(address)) return unknown('the exit server did not answer with an address', retry, evidence);
  if (!expect.some((prefix) => within(address, prefix))) {
    const expected = `expected: ${expect.join(', ')}`;
    return refuted(`traffic comes out at ${address}, which was not expected`, retry, [...evidence, expected]);
  }
  return verified(`traffic comes out at ${address}`, evidence);
}

function jsonObject(body: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? Object.assign(Object.create(null), value) : undefined;
  } catch {
    return undefined;
  }
}
