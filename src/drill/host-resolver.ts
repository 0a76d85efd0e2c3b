/**
 * What stands for this machine's /etc/resolv.conf in a drill. A sensor hears nothing of a resolver that is written down
 * once more, so that a change is one from what is there: by whoever it was written, a gate before this one included.
 */
import { readFile, writeFile } from 'node:fs/promises';

const [HERE, ELSEWHERE] = ['nameserver 192.168.1.1\n', 'nameserver 10.31.0.1\n'];

export function firstResolver(file: string): Promise<void> {
  return writeFile(file, HERE);
}

export async function changeResolver(file: string): Promise<void> {
  const isHere = (await readFile(file, 'utf8')) === HERE;
  await writeFile(file, isHere ? ELSEWHERE : HERE);
}
