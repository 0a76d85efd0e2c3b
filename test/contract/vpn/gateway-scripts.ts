/** The scripts of the gateway's image, moved into a folder of this machine, with what busybox has there and nobody here. */
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const ROOTFS = path.join(import.meta.dirname, '../../../provision/gateway/rootfs');

const USLEEP = `#!/bin/sh
exec sleep "$(printf '0.%06d' "$1")"
`;
/** As the gateway's scripts call it: `-S -q -p none -c USER -x PROGRAM -- ARGUMENT..`. */
const AS_USER = `#!/bin/sh
user=$6 program=$8
[ "$user" != vpn ] || user=65533
shift 9
exec setpriv --reuid "$user" --regid "$user" --clear-groups "$program" "$@"
`;

export class GatewayScripts {
  /** What is `/run/vmgate` on a gateway. */
  readonly state: string;
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    const [bin, sbin] = [this.path('bin'), this.path('sbin')];
    this.state = this.path('run');
    for (const made of [this.state, bin]) mkdirSync(made, { recursive: true });
    cpSync(path.join(ROOTFS, 'usr/lib/vmgate'), this.path('lib'), { recursive: true });
    cpSync(path.join(ROOTFS, 'usr/sbin'), sbin, { recursive: true });
    for (const scripts of [this.path('lib'), sbin]) {
      for (const name of readdirSync(scripts)) {
        const file = path.join(scripts, name);
        const text = this.moved(readFileSync(file, 'utf8'))
          .replace('export PATH=/usr/sbin:/usr/bin', `export PATH=${bin}:${sbin}:$PATH:/usr/sbin:/usr/bin`)
          // It is this machine's own here, and open to all.
          .replace(/^ *chown .* \/dev\/net\/tun$/m, ':');
        writeFileSync(file, text, { mode: 0o755 });
      }
    }
    for (const [name, text] of Object.entries({ usleep: USLEEP, 'start-stop-daemon': AS_USER })) {
      writeFileSync(path.join(bin, name), text, { mode: 0o755 });
    }
  }

  path(name: string): string {
    return path.join(this.#folder, name);
  }

  /** A text that names files of the gateway, with the names that they have here. */
  moved(text: string): string {
    return text
      .replaceAll('/usr/lib/vmgate', this.path('lib'))
      .replaceAll('/usr/sbin/vmgate', this.path('sbin/vmgate'))
      .replaceAll('/run/vmgate', this.state);
  }
}
