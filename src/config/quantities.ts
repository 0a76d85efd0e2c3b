/** Durations and sizes as people write them. A unit is always asked for: `30` alone means something else to everybody. */

const DURATION = /^(\d{1,6})(ms|s|m|h)$/;
const MILLISECONDS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
export const DURATION_PATTERN = DURATION;

/** Milliseconds of `30s`, `5m`, ...; undefined when it is no duration. */
export function parseDuration(text: string): number | undefined {
  const [, count, unit] = DURATION.exec(text) ?? [];
  const factor = unit === undefined ? undefined : MILLISECONDS[unit];
  return factor === undefined ? undefined : Number(count) * factor;
}

/** In the largest unit that keeps it whole. */
export function formatDuration(milliseconds: number): string {
  const unit = ['h', 'm', 's'].find((candidate) => milliseconds % (MILLISECONDS[candidate] ?? 1) === 0) ?? 'ms';
  return `${milliseconds / (MILLISECONDS[unit] ?? 1)}${unit}`;
}

const SIZE = /^(\d{1,6})(MiB|GiB)$/;
export const SIZE_PATTERN = SIZE;

/** MiB of `512MiB`, `4GiB`; undefined when it is no size. */
export function parseSizeMiB(text: string): number | undefined {
  const [, count, unit] = SIZE.exec(text) ?? [];
  return unit === undefined ? undefined : Number(count) * (unit === 'GiB' ? 1_024 : 1);
}
