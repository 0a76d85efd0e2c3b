/**
 * The chart as SVG. Widths are per cent, so that it fits any window without a script; heights are pixels. Nothing but
 * numbers and our own words gets into it.
 */
import { bytesText } from '../../../core/amounts.ts';
import type { Band, BandState } from '../bands.ts';
import { minuteText, type Zone } from '../clock.ts';
import type { Day } from '../day.ts';
import type { View } from '../view.ts';

/** Top and height of each row. */
const STATE = { top: 8, height: 44 };
const TRAFFIC = { top: 72, height: 148 };
const BLOCKED = { top: 238, height: 40 };
const AXIS = 284;
const MIDDLE = TRAFFIC.top + TRAFFIC.height / 2;
/** Per cent: what lasted a second is to be seen too. */
const LEAST_WIDTH = 0.2;
/** Of the width: closer than this, two numbers would touch. */
const NEAR = 0.035;
const HOUR_MS = 3_600_000;

/** How much of the row's height, from its foot; the outline of a day is legible without colours. */
const HEIGHTS: Readonly<Record<BandState, number>> = { open: 1, closed: 0.5, violated: 1, down: 0.12, silent: 0.12 };

export function chart(day: Day, view: View, zone: Zone): string {
  return [
    '<svg aria-hidden="true" focusable="false">',
    '<defs><pattern id="stripes" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">',
    '<rect class="violated" width="6" height="6"/><rect width="2" height="6" fill="#fff" fill-opacity=".55"/></pattern></defs>',
    hours(day, view, zone),
    row('state', '', STATE.top + STATE.height / 2),
    day.bands.map((band) => bandRect(view, band)).join(''),
    traffic(view),
    blocked(view),
    now(day, view),
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

function bandRect(view: View, { fromMs, toMs, state }: Band): string {
  if (toMs <= view.fromMs || fromMs >= view.toMs) return '';
  const foot = STATE.top + STATE.height;
  const x = xOf(view, Math.max(fromMs, view.fromMs));
  const width = Math.max(LEAST_WIDTH, xOf(view, Math.min(toMs, view.toMs)) - x);
  if (state === 'silent') {
    return `<line class="silent" x1="${x}%" x2="${round(x + width)}%" y1="${foot - 2}" y2="${foot - 2}"/>`;
  }
  const height = round(STATE.height * HEIGHTS[state]);
  const fill = state === 'violated' ? 'fill="url(#stripes)"' : `class="${state}"`;
  return `<rect ${fill} x="${x}%" y="${foot - height}" width="${round(width)}%" height="${height}"/>`;
}

/** Received upwards, sent downwards, on one scale. */
function traffic({ bins, fromMs, toMs }: View): string {
  const most = Math.max(...bins.flatMap(({ inBytes, outBytes }) => [inBytes, outBytes]));
  const half = TRAFFIC.height / 2;
  const seconds = (toMs - fromMs) / bins.length / 1_000;
  const width = round(100 / bins.length);
  const bar = (direction: 'in' | 'out', index: number, bytes: number) => {
    if (bytes === 0) return '';
    const height = round(Math.max(1, (bytes / most) * (half - 4)));
    const y = direction === 'in' ? round(MIDDLE - height) : MIDDLE;
    return `<rect class="${direction}" x="${round(index * (100 / bins.length))}%" y="${y}" width="${width}%" height="${height}"/>`;
  };
  const rate = `${bytesText(most / seconds)}/s`;
  return [
    line('grid', MIDDLE - half + 4),
    line('grid', MIDDLE + half - 4),
    ...bins.map(({ inBytes, outBytes }, index) => bar('in', index, inBytes) + bar('out', index, outBytes)),
    line('axis', MIDDLE),
    row('received', most > 0 ? rate : '', MIDDLE - half + 12),
    row('sent', '', MIDDLE + half - 4),
  ].join('');
}

function blocked({ bins }: View): string {
  const foot = BLOCKED.top + BLOCKED.height;
  const marks = clusters(bins).map(({ index, frames }) => {
    const x = round((index + 0.5) * (100 / bins.length));
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
function clusters(bins: View['bins']): readonly { readonly index: number; readonly frames: number }[] {
  const found: { index: number; frames: number }[] = [];
  for (const [index, { blocked: frames }] of bins.entries()) {
    if (frames === 0) continue;
    const near = found.at(-1);
    if (near === undefined || index - near.index > bins.length * NEAR) found.push({ index, frames });
    else near.frames += frames;
  }
  return found;
}

/** About eight of them on a wide window, every second on a narrow one. */
function hours(day: Day, view: View, zone: Zone): string {
  const count = Math.round((view.toMs - view.fromMs) / HOUR_MS);
  const step = [1, 2, 3].find((hour) => count / hour <= 8) ?? 3;
  return Array.from({ length: Math.floor(count / step) + 1 }, (_, index) => {
    const atMs = view.fromMs + index * step * HOUR_MS;
    const x = xOf(view, atMs);
    const label = atMs >= day.toMs ? '24' : minuteText(zone, atMs).slice(0, 2);
    const isMinor = index % 2 === 1 && count > 4;
    return [
      `<line class="grid" x1="${x}%" x2="${x}%" y1="${STATE.top}" y2="${AXIS - 6}"/>`,
      `<text class="hour${isMinor ? ' minor' : ''}" x="${x}%" y="${AXIS + 16}">${label}</text>`,
    ].join('');
  }).join('');
}

function now({ endMs }: Day, view: View): string {
  if (endMs >= view.toMs) return '';
  const x = xOf(view, endMs);
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

/** Per cent of the width. */
function xOf({ fromMs, toMs }: View, atMs: number): number {
  return round(((atMs - fromMs) / (toMs - fromMs)) * 100);
}

function round(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
