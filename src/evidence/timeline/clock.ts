/** Moments as the clock on the wall shows them. */

/** Minutes that local time is ahead of UTC at a moment (milliseconds since the epoch). */
export type Zone = (atMs: number) => number;

/** `10:31` */
export function minuteText(zone: Zone, atMs: number): string {
  return isoText(zone, atMs).slice(11, 16);
}

/** `10:31:07` */
export function secondText(zone: Zone, atMs: number): string {
  return isoText(zone, atMs).slice(11, 19);
}

/** `Thursday, 26 November 2026` */
export function dateText(zone: Zone, atMs: number): string {
  const [year = '', month = '', day = ''] = isoText(zone, atMs).slice(0, 10).split('-');
  const weekday = WEEKDAYS[new Date(`${year}-${month}-${day}T00:00:00Z`).getUTCDay()] ?? '';
  return `${weekday}, ${Number(day)} ${MONTHS[Number(month) - 1] ?? ''} ${year}`;
}

/** `UTC`, `UTC+01:00`; both where the clocks were changed on that day. */
export function zoneText(zone: Zone, fromMs: number, toMs: number): string {
  const names = [fromMs, toMs - 1].map((atMs) => offsetText(zone(atMs)));
  return [...new Set(names)].join(', then ');
}

function offsetText(minutes: number): string {
  if (minutes === 0) return 'UTC';
  const size = Math.abs(minutes);
  const two = (value: number) => value.toString().padStart(2, '0');
  return `UTC${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

function isoText(zone: Zone, atMs: number): string {
  return new Date(atMs + zone(atMs) * 60_000).toISOString();
}

const WEEKDAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'] as const;
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
] as const;
