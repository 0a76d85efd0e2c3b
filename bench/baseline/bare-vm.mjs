// Baseline for start-to-first-packet: the same VM, kernel and initramfs to the byte, booted on QEMU's own network with
// nothing around it. Prints what its serial console says; ends when its stdin does.
// usage: node bare-vm.mjs QEMU ACCEL FOLDER SITE   (FOLDER holds kernel and initramfs; SITE is an IPv4 address)
import { spawn } from 'node:child_process';
import path from 'node:path';

const [qemu, accel, folder, site] = process.argv.slice(2);
// The address the VM asks lies in slirp's own network and is answered by slirp itself: a wire without a way.
const network = `user,id=net,ipv6=off,net=${site}/24,guestfwd=tcp:${site}:80-null`;
const argv = [
  ...['-no-user-config', '-nodefaults', '-display', 'none', '-machine', 'q35', '-m', '96M'],
  ...['-accel', accel === 'tcg' ? 'tcg,thread=multi' : accel, '-cpu', accel === 'tcg' ? 'max' : 'host'],
  ...[
    '-kernel',
    path.join(folder, 'kernel'),
    '-initrd',
    path.join(folder, 'initramfs'),
    '-append',
    'console=ttyS0 quiet',
  ],
  ...['-serial', 'stdio', '-netdev', network, '-device', 'virtio-net-pci,netdev=net,romfile='],
  ...['-device', 'virtio-rng-pci'],
];
const vm = spawn(qemu, argv, { stdio: ['ignore', 'inherit', 'inherit'] });
vm.on('close', (code) => process.exit(code ?? 0));
process.stdin.resume().on('end', () => vm.kill('SIGKILL'));
