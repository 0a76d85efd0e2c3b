/** Amounts in words, as people read them: three figures at most, decimal units. */

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** `0 B`, `999 B`, `1.2 kB`, `340 MB`. */
export function bytesText(bytes: number): string {
  let value = Math.max(0, bytes);
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  const figures = unit === 0 || value >= 99.5 ? Math.round(value).toString() : value.toPrecision(2);
  return `${figures} ${UNITS[unit] ?? ''}`;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The two largest units: `42 s`, `13 min`, `2 h 13 min`, `3 d 4 h`. */
export function spanText(ms: number): string {
  const whole = Math.max(0, Math.floor(ms / SECOND)) * SECOND;
  if (whole < MINUTE) return `${whole / SECOND} s`;
  if (whole < HOUR) return `${Math.floor(whole / MINUTE)} min`;
  if (whole < DAY) return two(whole, HOUR, 'h', MINUTE, 'min');
  return two(whole, DAY, 'd', HOUR, 'h');
}

function two(ms: number, large: number, largeName: string, small: number, smallName: string): string {
  const rest = Math.floor((ms % large) / small);
  return `${Math.floor(ms / large)} ${largeName}${rest === 0 ? '' : ` ${rest} ${smallName}`}`;
}

/** `1 frame`, `1,234 frames`. */
export function countText(count: number, one: string, many = `${one}s`): string {
  return `${count.toString().replaceAll(/\B(?=(\d{3})+$)/g, ',')} ${count === 1 ? one : many}`;
}
