/** How old something is that carries a day, in the words that lists show. */

const DAY_MS = 86_400_000;

/** Whole days from `date` (`2026-03-04`, UTC) until now; 0 where this machine's clock is behind it. */
export function daysSince(date: string, nowMs: number): number {
  return Math.max(0, Math.floor((nowMs - Date.parse(`${date}T00:00:00Z`)) / DAY_MS));
}

/** `today`, `1 day old`, `93 days old`. */
export function ageText(days: number): string {
  if (days === 0) return 'today';
  return `${days} ${days === 1 ? 'day' : 'days'} old`;
}
