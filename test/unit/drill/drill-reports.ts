/** Drill reports for tests of how they are shown and judged. */
import { CASES, type DrillCase } from '../../../src/drill/catalogue.ts';
import type { Observation } from '../../../src/drill/judge.ts';
import { type DrillReport, reportOf } from '../../../src/drill/report.ts';
import { setupFrom } from '../../../src/drill/setup.ts';

const QUIET: Observation = {
  tried: 231,
  leaked: 0,
  attempts: [],
  clear: [],
  opened: false,
  held: false,
  violated: false,
  blockMs: 310,
  recoverMs: 4_100,
  tookMs: 5_000,
  stuck: null,
};

/** What a fault brings at a whole gate. */
export function quiet(more: Partial<Observation> = {}): Observation {
  return { ...QUIET, ...more };
}

/** What it brings without defences. */
export function loud(more: Partial<Observation> = {}): Observation {
  return { ...QUIET, leaked: 187, blockMs: null, recoverMs: null, ...more };
}

/** Attempts, of which some were readable. */
export function volley(
  attempts: readonly string[],
  clear: readonly string[],
  more: Partial<Observation> = {},
): Observation {
  const tried = attempts.length;
  return { ...QUIET, tried, attempts, clear, leaked: clear.length, blockMs: null, recoverMs: null, ...more };
}

export function caseOf(name: string): DrillCase {
  const found = CASES.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no case ${name}`);
  return found;
}

const DNS = ['DNS to a public resolver', 'DNS over TLS'];
const WEBRTC = ['STUN, as WebRTC asks for its address', 'QUIC'];

/** One case of each outcome. */
export function mixedReport(): DrillReport {
  const cases = ['dns', 'webrtc', 'gateway-owned', 'server-killed', 'guard-killed', 'asleep', 'impostor'].map(caseOf);
  const guarded = new Map([
    ['dns', volley(DNS, [])],
    ['webrtc', volley(WEBRTC, [])],
    ['gateway-owned', volley(DNS, [], { held: true, violated: true })],
    ['server-killed', quiet()],
    ['guard-killed', quiet({ leaked: 3 })],
    ['asleep', quiet({ recoverMs: null, stuck: 'after the fault asleep, not within 90 s: <b>open</b> again \x1b[2J' })],
  ]);
  const bare = new Map([
    ['dns', volley(DNS, DNS)],
    ['webrtc', volley(WEBRTC, ['QUIC'])],
    ['gateway-owned', volley(DNS, DNS)],
    ['server-killed', loud()],
    ['guard-killed', loud()],
    ['asleep', loud()],
  ]);
  return reportOf(cases, { guarded, bare }, setupFrom(undefined).notes, 347.2);
}

/** Every case held. */
export function goodReport(): DrillReport {
  const cases = ['dns', 'server-killed'].map(caseOf);
  const guarded = new Map([
    ['dns', volley(DNS, [])],
    ['server-killed', quiet()],
  ]);
  const bare = new Map([
    ['dns', volley(DNS, DNS)],
    ['server-killed', loud()],
  ]);
  return reportOf(cases, { guarded, bare }, setupFrom(undefined).notes, 61);
}
