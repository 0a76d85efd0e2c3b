/**
 * What an owned gateway says on its control channel instead of the truth (leak case 39). The one command of the gateway is
 * wrapped: it is honest until told to attack, and says this from its next answer on.
 */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { CpioEntry } from '../../../src/image/index.ts';
import { EVERYTHING } from '../../unit/cli/hostile-text.ts';

const GW = fileURLToPath(new URL('../../../provision/gateway/rootfs/usr/sbin/vmgate-gw', import.meta.url));

/** Each answer is one line, from a session of its own or from one that stays: it is let through, or replaced. */
const WRAPPER = `#!/bin/sh
/usr/sbin/vmgate-gw-honest "$@" | awk '{
  if (system("[ ! -e /run/attack ]") == 0) print
  else system("sh /run/attack")
  fflush()
}'
`;

/** As much of {@link EVERYTHING} as JSON and a shell's here-document carry. */
const ESCAPES = JSON.stringify(EVERYTHING.replaceAll('\ud800', ''));

const TALK = {
  'without end': 'exec cat /dev/zero',
  'a byte now and then': 'while printf " "; do usleep 100000; done',
  'terminal escapes': `cat <<'END'\n{"v":1,"ok":false,"step":${ESCAPES},"detail":${ESCAPES}}\nEND`,
} as const;
export type Talk = keyof typeof TALK;
export const TALKS = Object.keys(TALK) as readonly Talk[];

const script = (talk: Talk) => `/usr/lib/talk/${TALKS.indexOf(talk)}`;

/** For the backdoor. */
export function talkLine(talk: Talk): string {
  return `cp ${script(talk)} /run/attack`;
}

export async function talkFiles(): Promise<readonly CpioEntry[]> {
  const honest = await readFile(GW);
  const file = (path: string, data: string | Buffer): CpioEntry => ({ path, type: 'file', mode: 0o755, data });
  return [
    file('usr/sbin/vmgate-gw-honest', honest),
    file('usr/sbin/vmgate-gw', WRAPPER),
    { path: 'usr/lib/talk', type: 'dir', mode: 0o755 },
    ...TALKS.map((talk) => file(script(talk).slice(1), `${TALK[talk]}\n`)),
  ];
}
