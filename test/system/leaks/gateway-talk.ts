/**
 * What an owned gateway says on its control channel instead of the truth (leak case 39). The one command of the gateway is
 * wrapped: it is honest until told to attack, and from then on each of its sessions, the running ones too, says this.
 */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { CpioEntry } from '../../../src/image/index.ts';
import { EVERYTHING } from '../../unit/cli/hostile-text.ts';

const GW = fileURLToPath(new URL('../../../provision/gateway/rootfs/usr/sbin/vmgate-gw', import.meta.url));

const WRAPPER = `#!/bin/sh
mkdir -p /run/talking
: >/run/talking/$$
if [ -e /run/attack ]; then sh /run/attack; else /usr/sbin/vmgate-gw-honest "$@"; fi
status=$?
rm -f /run/talking/$$
exit $status
`;

/** As much of {@link EVERYTHING} as JSON and a shell's here-document carry. */
const ESCAPES = JSON.stringify(EVERYTHING.replaceAll('\ud800', ''));

const TALK = {
  'without end': 'exec cat /dev/zero',
  'a byte now and then': 'while printf " "; do usleep 100000; done',
  'terminal escapes': `cat <<'END'\n{"v":1,"ok":false,"step":${ESCAPES},"detail":${ESCAPES}}\nEND\nexit 1`,
} as const;
export type Talk = keyof typeof TALK;
export const TALKS = Object.keys(TALK) as readonly Talk[];

const script = (talk: Talk) => `/usr/lib/talk/${TALKS.indexOf(talk)}`;

/** For the backdoor. */
export function talkLine(talk: Talk): string {
  const file = script(talk);
  return `cp ${file} /run/attack; for each in /run/talking/*; do sh ${file} >/proc/\${each##*/}/fd/1 2>/dev/null & done`;
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
