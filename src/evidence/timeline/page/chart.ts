/**
 * The chart as SVG. Widths are per cent, so that it fits any window without a script; heights are pixels. Nothing but
 * numbers and our own words gets into it.
 */
import { bytesText } from '../../../core/amounts.ts';
import type { Band, BandState } from '../bands.ts';
import { minuteText, type Zone } from '../clock.ts';
import type { Day } from '../day.ts';

/** Top and height of each row. */
const STATE = { top: 8, height: 44 };
const TRAFFIC = { top: 72, height: 148 };
const BLOCKED = { top: 238, height: 40 };
const AXIS = 284;
const MIDDLE = TRAFFIC.top + TRAFFIC.height / 2;
/** Per cent: what lasted a second is to be seen too. */
const LEAST_WIDTH = 0.2;
/** Closer than this, two numbers would touch. */
const NEAR_BINS = 10;
const HOUR_MS = 3_600_000;

/** How much of the row's height, from its foot; the outline of a day is legible without colours. */
const HEIGHTS: Readonly<Record<BandState, number>> = { open: 1, closed: 0.5, violated: 1, down: 0.12, silent: 0.12 };

export function chart(day: Day, zone: Zone): string {
  return [
    '<svg aria-hidden="true" focusable="false">',
    '<defs><pattern id="stripes" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">',
    '<rect class="violated" width="6" height="6"/><rect width="2" height="6" fill="#fff" fill-opacity=".55"/></pattern></defs>',
    hours(day, zone),
    row('state', '', STATE.top + STATE.height / 2),
    day.bands.map((band) => bandRect(day, band)).join(''),
    traffic(day),
    blocked(day),
    now(day),
    '</svg>',
  ].join('');
}

/** The mark of a state, for the legend and the table. */
export function swatch(state: BandState): string {
  if (state === 'silent') return '<svg aria-hidden="true"><path class="silent" d="M0 7H16"/></svg>';
  const height = Math.max(3, HEIGHTS[state] * 12);
  const fill = state === 'violated' ? ' fill="url(#stripes)"' : ` class="${state}"`;
  return `<svg aria-hidden="true"><rect${fill} y="${12 - height}" width="12" height="${height}" rx="1"/></svg>`;
}

export function trafficSwatch(direction: 'in' | 'out'): string {
  return `<svg aria-hidden="true"><rect class="${direction}" y="2" width="12" height="10" rx="1"/></svg>`;
}

function bandRect(day: Day, { fromMs, toMs, state }: Band): string {
  const foot = STATE.top + STATE.height;
  const x = xOf(day, fromMs);
  const width = Math.max(LEAST_WIDTH, xOf(day, toMs) - x);
  if (state === 'silent') {
    return `<line class="silent" x1="${x}%" x2="${round(x + width)}%" y1="${foot - 2}" y2="${foot - 2}"/>`;
  }
  const height = round(STATE.height * HEIGHTS[state]);
  const fill = state === 'violated' ? 'fill="url(#stripes)"' : `class="${state}"`;
  return `<rect ${fill} x="${x}%" y="${foot - height}" width="${round(width)}%" height="${height}"/>`;
}

/** Received upwards, sent downwards, on one scale. */
function traffic(day: Day): string {
  const most = Math.max(...day.bins.flatMap(({ inBytes, outBytes }) => [inBytes, outBytes]));
  const half = TRAFFIC.height / 2;
  const seconds = (day.toMs - day.fromMs) / day.bins.length / 1_000;
  const width = round(100 / day.bins.length);
  const bar = (direction: 'in' | 'out', index: number, bytes: number) => {
    if (bytes === 0) return '';
    const height = round(Math.max(1, (bytes / most) * (half - 4)));
    const y = direction === 'in' ? round(MIDDLE - height) : MIDDLE;
    return `<rect class="${direction}" x="${round(index * (100 / day.bins.length))}%" y="${y}" width="${width}%" height="${height}"/>`;
  };
  const rate = `${bytesText(most / seconds)}/s`;
  return [
    line('grid', MIDDLE - half + 4),
    line('grid', MIDDLE + half - 4),
    ...day.bins.map(({ inBytes, outBytes }, index) => bar('in', index, inBytes) + bar('out', index, outBytes)),
    line('axis', MIDDLE),
    row('received', most > 0 ? rate : '', MIDDLE - half + 12),
    row('sent', '', MIDDLE + half - 4),
  ].join('');
}

function blocked(day: Day): string {
  const foot = BLOCKED.top + BLOCKED.height;
  const marks = clusters(day).map(({ index, frames }) => {
    const x = round((index + 0.5) * (100 / day.bins.length));
    const count = frames > 9_999 ? '9999+' : String(frames);
    return [
      `<line class="axis" x1="${x}%" x2="${x}%" y1="${foot}" y2="${BLOCKED.top + 18}"/>`,
      `<circle class="violated" cx="${x}%" cy="${BLOCKED.top + 20}" r="4"/>`,
      `<text class="alarm" x="${x}%" y="${BLOCKED.top + 10}">${count}</text>`,
    ].join('');
  });
  return [line('axis', foot), ...marks, row('blocked', '', foot - 12)].join('');
}

/** Numbers side by side would be written over each other: what is near is one mark, where it began. */
function clusters({ bins }: Day): readonly { readonly index: number; readonly frames: number }[] {
  const found: { index: number; frames: number }[] = [];
  for (const [index, { blocked: frames }] of bins.entries()) {
    if (frames === 0) continue;
    const near = found.at(-1);
    if (near === undefined || index - near.index > NEAR_BINS) found.push({ index, frames });
    else near.frames += frames;
  }
  return found;
}

function hours(day: Day, zone: Zone): string {
  const count = Math.round((day.toMs - day.fromMs) / HOUR_MS);
  return Array.from({ length: count + 1 }, (_, hour) => {
    const atMs = day.fromMs + hour * HOUR_MS;
    const x = xOf(day, atMs);
    const label = hour === count ? '24' : minuteText(zone, atMs).slice(0, 2);
    // Every third on a wide window, every sixth on a narrow one.
    const shown =
      hour % 3 !== 0 && hour !== count
        ? ''
        : `<text class="hour${hour % 6 === 0 ? '' : ' minor'}" x="${x}%" y="${AXIS + 16}">${label}</text>`;
    const grid = hour % 3 === 0 ? `<line class="grid" x1="${x}%" x2="${x}%" y1="${STATE.top}" y2="${AXIS - 6}"/>` : '';
    return `${grid}${shown}`;
  }).join('');
}

function now(day: Day): string {
  if (day.endMs >= day.toMs) return '';
  const x = xOf(day, day.endMs);
  return `<line class="now" x1="${x}%" x2="${x}%" y1="${STATE.top}" y2="${AXIS - 6}"/>`;
}

/** A row's name beside it, and what its height stands for. */
function row(name: string, scale: string, y: number): string {
  const text = (said: string, at: number) => `<text class="row" x="0" dx="-10" y="${at}">${said}</text>`;
  return `${text(name, y + 4)}${scale === '' ? '' : text(scale, y + 20)}`;
}

function line(name: string, y: number): string {
  return `<line class="${name}" x1="0%" x2="100%" y1="${y}" y2="${y}"/>`;
}

/** Per cent of the day. */
function xOf({ fromMs, toMs }: Day, atMs: number): number {
  return round(((atMs - fromMs) / (toMs - fromMs)) * 100);
}

function round(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
