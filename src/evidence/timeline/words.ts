/** The words that the terminal and the page have in common. */
import { bytesText, countText, spanText } from '../../core/amounts.ts';
import type { Band, BandState } from './bands.ts';
import type { Bin } from './bins.ts';
import { minuteText, type Zone } from './clock.ts';
import type { Day } from './day.ts';

export const STATE_WORDS: Readonly<Record<BandState, string>> = {
  open: 'open',
  closed: 'closed',
  violated: 'violated',
  down: 'down',
  silent: 'nothing recorded',
};

/** `closed: the VPN server did not answer (4 attempts)` */
export function bandText(band: Band, next?: Band): string {
  const why = whyText(band, next);
  return `${STATE_WORDS[band.state]}${why === '' ? '' : `: ${why}`}`;
}

/** Of a closed gate without a reason, what came `next` says what it was about. */
export function whyText({ state, detail, attempts }: Band, next?: Band): string {
  if (state !== 'closed') return detail;
  const tried = attempts > 1 ? ` (${countText(attempts, 'attempt')})` : '';
  if (detail !== '') return `${detail}${tried}`;
  return next?.state === 'open' ? `coming up${tried}` : next?.state === 'down' ? 'going down' : '';
}

/** What each of these bins has to say, a line each. Text from outside is in it: whoever shows it escapes it. */
export function binLines(day: Day, bins: readonly Bin[], zone: Zone): readonly (readonly string[])[] {
  const turns = turnsOf(day.events, bins);
  return bins.map((bin, index) => linesOf(bin, day.bands, turns[index] ?? [], zone));
}

function linesOf(bin: Bin, bands: readonly Band[], turns: readonly string[], zone: Zone): readonly string[] {
  const { fromMs, toMs, outBytes, inBytes, blocked, held } = bin;
  const inside = bands.filter((band) => band.fromMs < toMs && band.toMs > fromMs);
  return [
    `${minuteText(zone, fromMs)} to ${minuteText(zone, toMs)}`,
    ...some(
      inside.map((band) => bandText(band)),
      3,
    ),
    ...(outBytes + inBytes > 0 ? [`received ${bytesText(inBytes)}, sent ${bytesText(outBytes)}`] : []),
    ...(blocked > 0 ? [`BLOCKED ${countText(blocked, 'frame')} that ${blocked === 1 ? 'is' : 'are'} not the VPN`] : []),
    ...(held > 0 ? [`${countText(held, 'frame')} of the VPN stopped while closed`] : []),
    ...some(turns, 3),
  ];
}

/** By bin, what is neither routine nor a state. */
function turnsOf(events: Day['events'], bins: readonly Bin[]): readonly (readonly string[])[] {
  const turns = bins.map((): string[] => []);
  const { fromMs, toMs } = { fromMs: bins[0]?.fromMs ?? 0, toMs: bins.at(-1)?.toMs ?? 1 };
  for (const { at, code, level, text } of events) {
    if (level === 'info' || code === 'GATE_PHASE') continue;
    turns[Math.floor(((Date.parse(at) - fromMs) / (toMs - fromMs)) * bins.length)]?.push(text);
  }
  return turns;
}

function some(lines: readonly string[], most: number): readonly string[] {
  return lines.length <= most ? lines : [...lines.slice(0, most - 1), `... and ${lines.length - most + 1} more`];
}

/** The day in four lines. */
export function summaryLines({ totals }: Day): readonly string[] {
  const { openMs, closedMs, violatedMs, losses, outBytes, inBytes, blocked, held } = totals;
  const lost = losses === 0 ? '' : `, ${countText(losses, 'loss', 'losses')}`;
  const violated = violatedMs === 0 ? '' : `, violated ${spanText(violatedMs)}`;
  return [
    `open ${spanText(openMs)}, closed ${spanText(closedMs)}${lost}${violated}`,
    `received ${bytesText(inBytes)}, sent ${bytesText(outBytes)} through the tunnel`,
    `blocked ${countText(blocked, 'frame')} that ${blocked === 1 ? 'is' : 'are'} not the VPN`,
    ...(held === 0 ? [] : [`stopped ${countText(held, 'frame')} of the VPN while it was closed`]),
  ];
}
