/**
 * Which state the gate was in, and when: from the phases of the journal, and from the samples where the journal does not
 * reach back that far. What nobody was there to record is said to be unknown, and not drawn on.
 */
import type { CodedEvent } from '../../core/coded.ts';
import type { Sample } from './samples.ts';

/** `silent`: nothing was recorded. The machine slept, or the supervisor was killed, or there was none yet. */
export type BandState = 'open' | 'closed' | 'violated' | 'down' | 'silent';

export interface Band {
  readonly fromMs: number;
  readonly toMs: number;
  readonly state: BandState;
  /** Of a closed gate, the first reason there was; of an open one, what it had proven. */
  readonly detail: string;
  /** How often a closed gate tried to connect. */
  readonly attempts: number;
}

/** More than two samples' time without a sign of life. */
const SILENCE_MS = 150_000;
const MAX_DETAIL = 400;

interface Mark {
  readonly atMs: number;
  readonly phase: string;
  readonly detail: string;
}

/** Bands from `fromMs` to `toMs`, without gaps between them. */
export function bandsOf(
  events: readonly CodedEvent[],
  samples: readonly Sample[],
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): readonly Band[] {
  if (toMs <= fromMs) return [];
  const marks = marksOf(events, samples);
  const silences = silencesOf(events, samples, toMs).filter((silence) => silence.toMs > fromMs);
  const named = marks.map((mark, index): Band => {
    const { atMs, phase, detail } = mark;
    const attempts = phase === 'connecting' ? 1 : 0;
    return { fromMs: atMs, toMs: marks[index + 1]?.atMs ?? toMs, state: stateOf(phase), detail, attempts };
  });
  const begin: Band = { fromMs, toMs: marks[0]?.atMs ?? toMs, state: 'silent', detail: '', attempts: 0 };
  const today = [begin, ...named].flatMap((band) => clipped(band, fromMs, toMs));
  return joined(today.flatMap((band) => silenced(band, silences)));
}

function marksOf(events: readonly CodedEvent[], samples: readonly Sample[]): readonly Mark[] {
  const told = events.flatMap(phaseOf);
  const first = told.reduce((least, { atMs }) => Math.min(least, atMs), Number.POSITIVE_INFINITY);
  // A sample names the phase at its end.
  const older = samples.flatMap((sample) =>
    sample.toMs < first ? [{ atMs: sample.fromMs, phase: sample.phase, detail: '' }] : [],
  );
  return [...older, ...told].toSorted((a, b) => a.atMs - b.atMs);
}

function phaseOf({ code, at, payload }: CodedEvent): readonly Mark[] {
  const atMs = Date.parse(at);
  if (code !== 'GATE_PHASE' || Number.isNaN(atMs) || typeof payload !== 'object' || payload === null) return [];
  const { phase, why, claim } = payload as Readonly<Record<string, unknown>>;
  if (typeof phase !== 'string') return [];
  const detail = phase === 'open' ? provenBy(claim) : typeof why === 'string' ? why : '';
  return [{ atMs, phase, detail: detail.slice(0, MAX_DETAIL) }];
}

function provenBy(claim: unknown): string {
  const { kind, address } = (claim ?? {}) as Readonly<Record<string, unknown>>;
  if (kind === 'address' && typeof address === 'string') return `exit address ${address}`;
  return kind === 'round-trip' ? 'a round trip through the tunnel' : '';
}

/** A phase of a later version is not an open one. */
function stateOf(phase: string): BandState {
  return phase === 'open' || phase === 'violated' || phase === 'down' ? phase : 'closed';
}

/** Times in which nothing gave a sign of life. */
function silencesOf(
  events: readonly CodedEvent[],
  samples: readonly Sample[],
  endMs: number,
): readonly { readonly fromMs: number; readonly toMs: number }[] {
  const signs = [
    ...events.map(({ at }) => Date.parse(at)).filter((atMs) => !Number.isNaN(atMs)),
    ...samples.flatMap(({ fromMs, toMs }) => [fromMs, toMs]),
  ].toSorted((a, b) => a - b);
  return signs.flatMap((sign, index) => {
    const next = signs[index + 1] ?? endMs;
    return next - sign > SILENCE_MS ? [{ fromMs: sign, toMs: next }] : [];
  });
}

/** What is down needs nobody to record it. */
function silenced(band: Band, silences: ReturnType<typeof silencesOf>): readonly Band[] {
  if (band.state === 'down' || band.state === 'silent') return [band];
  const pieces: Band[] = [];
  let at = band.fromMs;
  for (const silence of silences) {
    const from = Math.max(at, silence.fromMs);
    const to = Math.min(band.toMs, silence.toMs);
    if (from >= to) continue;
    pieces.push({ ...band, fromMs: at, toMs: from });
    pieces.push({ fromMs: from, toMs: to, state: 'silent', detail: '', attempts: 0 });
    at = to;
  }
  return [...pieces, { ...band, fromMs: at }].filter((piece) => piece.fromMs < piece.toMs);
}

function clipped(band: Band, fromMs: number, toMs: number): readonly Band[] {
  const cut = { ...band, fromMs: Math.max(band.fromMs, fromMs), toMs: Math.min(band.toMs, toMs) };
  return cut.fromMs < cut.toMs ? [cut] : [];
}

/** Neighbours of one state are one band: a closed gate that tries is closed. */
function joined(bands: readonly Band[]): readonly Band[] {
  const result: Band[] = [];
  for (const band of bands) {
    const last = result.at(-1);
    if (last === undefined || last.state !== band.state) {
      result.push(band);
      continue;
    }
    result[result.length - 1] = {
      ...last,
      toMs: band.toMs,
      detail: last.detail === '' ? band.detail : last.detail,
      attempts: last.attempts + band.attempts,
    };
  }
  return result;
}
