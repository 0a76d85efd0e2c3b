/**
 * When a package was made, by the package itself: a `.deb` is an ar(5) archive, and dpkg-deb(1) writes SOURCE_DATE_EPOCH, for
 * Debian's packages the time of the last entry in their changelog, as the time of its members. The same bytes say the same.
 */

const MAGIC = '!<arch>\n';
/** ar(5): the name of the first member, 16 characters, then its time, 12. */
const NAME = [MAGIC.length, MAGIC.length + 16] as const;
const TIME = [NAME[1], NAME[1] + 12] as const;
const FIRST_MEMBER = 'debian-binary';
/** Debian 1.1 and the year 2100: outside of them it is no time at all. */
const [LEAST_S, MOST_S] = [835_000_000, 4_102_444_800];

/** `2026-03-04`; undefined where the file does not say. */
export function debDate(deb: Buffer): string | undefined {
  if (deb.subarray(0, MAGIC.length).toString('latin1') !== MAGIC) return undefined;
  const name = deb
    .subarray(...NAME)
    .toString('latin1')
    .trim()
    .replace(/\/$/, '');
  const time = deb
    .subarray(...TIME)
    .toString('latin1')
    .trim();
  if (name !== FIRST_MEMBER || !/^\d{1,12}$/.test(time)) return undefined;
  const seconds = Number(time);
  if (seconds < LEAST_S || seconds > MOST_S) return undefined;
  return new Date(seconds * 1_000).toISOString().slice(0, 10);
}

/** The latest of these days. */
export function newestDate(dates: readonly (string | undefined)[]): string | undefined {
  return dates
    .filter((date) => date !== undefined)
    .toSorted()
    .at(-1);
}
