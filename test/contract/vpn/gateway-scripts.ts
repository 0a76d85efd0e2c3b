/** The scripts of the gateway's image, moved into a folder of this machine, with what busybox has there and nobody here. */
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { findTool } from '../../../src/host/index.ts';

const ROOTFS = path.join(import.meta.dirname, '../../../provision/gateway/rootfs');

/** Where `ip link add type wireguard` is not the kernel's to do. */
const IP_WITHOUT_KERNEL = `#!/bin/sh
case "$*" in
  'link add dev '*' type wireguard') exec GO "$4" ;;
esac
exec IP "$@"
`;
const USLEEP = `#!/bin/sh
exec sleep "$(printf '0.%06d' "$1")"
`;
/** As src/vpn's scripts call it: `-U PATH`. */
const NC = `#!${process.execPath}
const socket = require('node:net').connect(process.argv[3]);
process.stdin.pipe(socket);
socket.pipe(process.stdout);
socket.on('error', () => {}).on('close', () => process.exit());
`;
/** As src/vpn's scripts call it: `-S -q -p none -c USER -x PROGRAM -- ARGUMENT..`. */
const AS_USER = `#!/bin/sh
user=$6 program=$8
shift 9
exec setpriv --reuid "$user" --regid "$user" --clear-groups "$program" "$@"
`;

export class GatewayScripts {
  /** What is `/run/vmgate` on a gateway. */
  readonly state: string;
  readonly #folder: string;

  constructor(folder: string, isKernelWireGuard = true) {
    const [lib, state, bin, sbin] = ['lib', 'run', 'bin', 'sbin'].map((name) => path.join(folder, name)) as [
      string,
      string,
      string,
      string,
    ];
    this.#folder = folder;
    this.state = state;
    for (const made of [state, bin]) mkdirSync(made, { recursive: true });
    cpSync(path.join(ROOTFS, 'usr/lib/vmgate'), lib, { recursive: true });
    cpSync(path.join(ROOTFS, 'usr/sbin'), sbin, { recursive: true });
    for (const scripts of [lib, sbin]) {
      for (const name of readdirSync(scripts)) {
        const file = path.join(scripts, name);
        const text = this.moved(readFileSync(file, 'utf8'))
          .replace('export PATH=/usr/sbin:/usr/bin', `export PATH=${bin}:${sbin}:$PATH:/usr/sbin:/usr/bin`)
          // It is this machine's own here, and open to all.
          .replace(/^ *chown .* \/dev\/net\/tun$/m, ':');
        writeFileSync(file, text, { mode: 0o755 });
      }
    }
    const shims = { usleep: USLEEP, 'nc.openbsd': NC, 'start-stop-daemon': AS_USER };
    const go = IP_WITHOUT_KERNEL.replace('GO', findTool('wireguard-go') ?? '').replace('IP', findTool('ip') ?? '');
    for (const [name, text] of Object.entries(isKernelWireGuard ? shims : { ...shims, ip: go })) {
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
