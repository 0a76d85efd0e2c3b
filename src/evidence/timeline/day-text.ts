/** A day for a terminal: three rows of a cell for each quarter or third of an hour, then every state in words. ASCII only. */
import { countText, spanText } from '../../core/amounts.ts';
import { escapeLine } from '../../host/index.ts';
import type { Band } from './bands.ts';
import { type Bin, sumOf } from './bins.ts';
import { dateText, minuteText, secondText, type Zone, zoneText } from './clock.ts';
import type { Day } from './day.ts';
import { type View, viewOf } from './view.ts';
import { bandText, summaryLines } from './words.ts';

const MARGIN = 11;
/** Cells in a row, where so many columns are there: a whole day in thirds, quarters or halves of an hour. */
const ROOMS = [96, 72, 48, 24] as const;
const FEWEST = 24;
const MAX_BANDS = 60;
/** From nothing to the most of the day. */
const LEVELS = ' .:-=+*#%@';

export function describeDay(day: Day, zone: Zone, columns: number): string {
  const room = ROOMS.find((cells) => MARGIN + cells <= columns) ?? FEWEST;
  const view = viewOf(day, zone);
  const cells = cellsOf(day, view, Math.ceil(view.bins.length / room));
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

function cellsOf({ bands }: Day, { bins }: View, perCell: number): readonly Cell[] {
  return Array.from({ length: Math.ceil(bins.length / perCell) }, (_, index) => {
    const part = bins.slice(index * perCell, (index + 1) * perCell);
    const fromMs = part[0]?.fromMs ?? 0;
    const toMs = part.at(-1)?.toMs ?? fromMs;
    return {
      fromMs,
      toMs,
      ...sumOf(part),
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

/** Hours over their cells, as many as leave room between them. */
function axis(day: Day, cells: readonly Cell[], zone: Zone): string {
  let text = '';
  for (const [index, { fromMs }] of cells.entries()) {
    const isHour = minuteText(zone, fromMs).endsWith(':00');
    const hour = Number(minuteText(zone, fromMs).slice(0, 2));
    if (!isHour || hour % stepOf(cells) !== 0 || (text !== '' && index < text.length + 1)) continue;
    text = `${text.padEnd(index)}${minuteText(zone, fromMs).slice(0, 2)}`;
  }
  const endMs = cells.at(-1)?.toMs ?? day.toMs;
  const end = endMs >= day.toMs - 1 ? '24' : minuteText(zone, endMs).slice(0, 2);
  return text.length < cells.length ? `${text.padEnd(cells.length)}${end}` : text;
}

/** Hours between two of them: at least four columns. */
function stepOf(cells: readonly Cell[]): number {
  const [cell] = cells;
  const perHour = cell === undefined ? 1 : 3_600_000 / (cell.toMs - cell.fromMs);
  return [1, 2, 3, 6].find((step) => step * perHour >= 6) ?? 6;
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
