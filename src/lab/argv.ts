/** The lab's QEMU command line, from the drivers' parts. The one machine of vmgate's with ports published on the host. */
import path from 'node:path';
import { USER_NETWORK } from '../core/link-plan.ts';
import { type Arch, kernel, machineArgv, option, type Qemu, serialConsole, server, wire } from '../drivers/index.ts';
import { LAB } from './addresses.ts';

export const LAB_SOCKETS = { serial: 'serial.sock', control: 'control.sock' } as const;
/** Names inside QEMU. */
const PUBLISHED_NETDEV = 'pub';
const CONTROL_PORT = 'vmgate.lab';

export interface LabMachine {
  /** Folder (0700) for sockets and the pidfile. */
  readonly folder: string;
  readonly kernel: string;
  readonly initramfs: string;
  readonly arch: Arch;
  readonly memoryMiB: number;
  /** The lab's end of the wire that is the untrusted network, and the client's. */
  readonly wire: { readonly localPath: string; readonly remotePath: string };
}

/**
 * No `restrict=on`: slirp would drop the server's replies (libslirp's udp_input). What the lab may send on that card is
 * its own firewall's matter: etc/lab/router.nft, chain `host`. The port 0 lets the kernel choose one; QMP tells which.
 */
export function labArgv(machine: LabMachine, qemu: Qemu): string[] {
  const socket = (name: string) => path.join(machine.folder, name);
  const published = {
    id: PUBLISHED_NETDEV,
    ipv6: 'off',
    hostfwd: `udp:127.0.0.1:0-${USER_NETWORK.address}:${LAB.endpoint.port}`,
  };
  // The host's own look for a portal.
  const look = `hostfwd=tcp:127.0.0.1:0-${USER_NETWORK.address}:${LAB.portal.lookPort}`;
  return [
    ...machineArgv('vmgate-lab', { ...machine, cpus: 1, hardware: 'virtio' }, machine.folder, qemu),
    '-no-reboot',
    ...server('serial', socket(LAB_SOCKETS.serial)),
    ...['-serial', 'chardev:serial'],
    ...kernel(machine.kernel, machine.initramfs, `${serialConsole(machine.arch)} panic=-1 quiet net.ifnames=0`),
    ...wire('wifi', machine.wire.localPath, machine.wire.remotePath),
    ...card('wifi', LAB.routerMac),
    ...['-netdev', `${option('user', published)},${look}`],
    ...card(PUBLISHED_NETDEV, LAB.publishedMac),
    ...server('control', socket(LAB_SOCKETS.control)),
    ...['-device', option('virtio-serial-pci', { id: 'serials', max_ports: 2 })],
    ...['-device', option('virtserialport', { chardev: 'control', id: 'control-port', name: CONTROL_PORT })],
  ];
}

function card(netdev: string, mac: string): string[] {
  return ['-device', option('virtio-net-pci', { netdev, id: `nic-${netdev}`, mac, romfile: '' })];
}
