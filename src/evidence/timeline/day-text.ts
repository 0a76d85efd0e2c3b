/** A day for a terminal: three rows of a cell for each quarter or third of an hour, then every state in words. ASCII only. */
import { countText, spanText } from '../../core/amounts.ts';
import { escapeLine } from '../../host/index.ts';
import type { Band } from './bands.ts';
import type { Bin } from './bins.ts';
import { dateText, minuteText, secondText, type Zone, zoneText } from './clock.ts';
import type { Day } from './day.ts';
import { bandText, summaryLines } from './words.ts';

const MARGIN = 11;
/** Bins of five minutes to a cell, where so many columns are there. */
const LAYOUTS = [
  { columns: MARGIN + 96, perCell: 3 },
  { columns: MARGIN + 72, perCell: 4 },
  { columns: MARGIN + 48, perCell: 6 },
] as const;
const NARROWEST = 12;
const MAX_BANDS = 60;
/** From nothing to the most of the day. */
const LEVELS = ' .:-=+*#%@';

export function describeDay(day: Day, zone: Zone, columns: number): string {
  const perCell = LAYOUTS.find((layout) => layout.columns <= columns)?.perCell ?? NARROWEST;
  const cells = cellsOf(day, perCell);
  const row = (name: string, text: string) => `  ${name.padEnd(MARGIN - 2)}${text}`.trimEnd();
  const most = Math.max(1, ...cells.flatMap(({ inBytes, outBytes }) => [inBytes, outBytes]));
  return [
    `gate ${day.gate} on ${dateText(zone, day.fromMs)}, times are ${zoneText(zone, day.fromMs, day.toMs)}`,
    '',
    row('', axis(day, cells, zone)),
    row('state', cells.map(stateCell).join('')),
    row('received', cells.map(({ inBytes }) => level(inBytes, most)).join('')),
    row('sent', cells.map(({ outBytes }) => level(outBytes, most)).join('')),
    row('blocked', cells.map(({ blocked }) => (blocked === 0 ? ' ' : blocked > 9 ? '+' : String(blocked))).join('')),
    row('', '# open   = open, with a break   - closed   ! VIOLATED   . down   blank: nothing recorded'),
    '',
    ...summaryLines(day).map((line) => `  ${line}`),
    ...(day.unreadable === 0
      ? []
      : [`  ${countText(day.unreadable, 'line')} of the records could not be read, and left out`]),
    '',
    ...bandLines(day, zone),
  ].join('\n');
}

interface Cell extends Bin {
  readonly bands: readonly Band[];
}

function cellsOf({ bins, bands }: Day, perCell: number): readonly Cell[] {
  return Array.from({ length: Math.ceil(bins.length / perCell) }, (_, index) => {
    const part = bins.slice(index * perCell, (index + 1) * perCell);
    const fromMs = part[0]?.fromMs ?? 0;
    const toMs = part.at(-1)?.toMs ?? fromMs;
    const sum = (key: 'outBytes' | 'inBytes' | 'blocked' | 'held') => part.reduce((all, bin) => all + bin[key], 0);
    return {
      fromMs,
      toMs,
      outBytes: sum('outBytes'),
      inBytes: sum('inBytes'),
      blocked: sum('blocked'),
      held: sum('held'),
      bands: bands.filter((band) => band.fromMs < toMs && band.toMs > fromMs),
    };
  });
}

/** The worst counts: what was open all the time but for a second was not open all the time. */
function stateCell({ bands }: Cell): string {
  const has = (state: Band['state']) => bands.some((band) => band.state === state);
  if (has('violated')) return '!';
  if (has('open')) return bands.every(({ state }) => state === 'open') ? '#' : '=';
  if (has('closed')) return '-';
  return has('down') ? '.' : ' ';
}

function level(bytes: number, most: number): string {
  const step = bytes === 0 ? 0 : 1 + Math.floor((bytes / most) * (LEVELS.length - 2));
  return LEVELS[Math.min(LEVELS.length - 1, step)] ?? ' ';
}

/** Every third hour over its cell. */
function axis({ fromMs }: Day, cells: readonly Cell[], zone: Zone): string {
  let text = '';
  let shown = Number.NEGATIVE_INFINITY;
  for (const [index, cell] of cells.entries()) {
    const hour = Math.floor((cell.fromMs - fromMs) / 3_600_000);
    if (hour % 3 !== 0 || hour === shown) continue;
    shown = hour;
    text = `${text.padEnd(index)}${minuteText(zone, cell.fromMs).slice(0, 2)}`;
  }
  return `${text.padEnd(cells.length)}24`;
}

function bandLines({ bands }: Day, zone: Zone): readonly string[] {
  const told = bands.filter(({ state }) => state !== 'silent');
  if (told.length === 0) return ['  nothing was recorded on this day'];
  const left = told.length - MAX_BANDS;
  return [
    ...(left > 0 ? [`  ... ${left} earlier ones: vmgate evidence --timeline --json`] : []),
    ...told.slice(-MAX_BANDS).map((band) => {
      const next = bands[bands.indexOf(band) + 1];
      const lasted = spanText(band.toMs - band.fromMs);
      return `  ${secondText(zone, band.fromMs)}  ${lasted.padEnd(12)}  ${escapeLine(bandText(band, next), 160)}`;
    }),
  ];
}
