/** Names as the lab's network would have them, for a gate whose server has a name: this machine's resolver knows none. */
import { readFile } from 'node:fs/promises';

/** The IPv4 addresses that `file`, as hosts(5), has for a name now: `ADDRESS NAME` a line. Rejects when there is none. */
export function lookUpIn(file: string): (name: string) => Promise<readonly string[]> {
  return async (name) => {
    const lines = (await readFile(file, 'utf8')).split('\n').map((line) => line.trim().split(/\s+/));
    const found = lines.flatMap(([address = '', ...names]) => (names.includes(name) ? [address] : []));
    if (found.length === 0) throw new Error(`nobody knows ${name} here`);
    return found;
  };
}
