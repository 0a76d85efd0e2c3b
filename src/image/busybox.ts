import { isElf } from './elf.ts';

/** How busybox's table of applet names begins: sorted, NUL-separated, ended by an empty name. */
const FIRST_APPLETS = Buffer.from('\0[\0[[\0');

/**
 * The applets compiled into a busybox, read from its own table: it may be of another architecture, so it cannot be
 * asked with `--list`. Empty when the table is not found.
 */
export function applets(busybox: Uint8Array | string): readonly string[] {
  const data = Buffer.from(busybox);
  const start = isElf(data) ? data.indexOf(FIRST_APPLETS) : -1;
  if (start < 0) return [];
  const names = data.toString('latin1', start + 1, data.indexOf('\0\0', start)).split('\0');
  return names.filter((name) => /^[\w[.-]+$/.test(name) && name !== 'busybox');
}
