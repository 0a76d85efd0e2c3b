// Baseline for start-to-ssh: the same Debian VM, its overlay, kernel, initramfs and seed, on QEMU's own network with its
// ssh port on this machine's loopback. Writes go to a temporary file of QEMU's. Ends when its stdin does.
// usage: node bare-debian.mjs QEMU ACCEL FOLDER PORT CPUS MIB   (FOLDER is the work VM's)
import { spawn } from 'node:child_process';
import path from 'node:path';

const [qemu, accel, folder, port, cpus, memory] = process.argv.slice(2);
const inFolder = (name) => path.join(folder, name).replaceAll(',', ',,');
const argv = [
  ...['-no-user-config', '-nodefaults', '-display', 'none', '-machine', 'q35', '-m', `${memory}M`, '-smp', cpus],
  ...['-accel', accel === 'tcg' ? 'tcg,thread=multi' : accel, '-cpu', accel === 'tcg' ? 'max' : 'host'],
  ...['-kernel', path.join(folder, 'kernel'), '-initrd', path.join(folder, 'initramfs')],
  ...['-append', 'console=ttyS0 quiet', '-serial', 'stdio', '-smbios', 'type=1,serial=ds=nocloud'],
  ...['-drive', `if=none,id=disk,format=qcow2,snapshot=on,file=${inFolder('overlay.qcow2')}`],
  ...['-device', 'virtio-blk-pci,drive=disk'],
  ...['-drive', `if=none,id=seed,format=raw,readonly=on,file=${inFolder('seed.iso')}`],
  ...['-device', 'virtio-blk-pci,drive=seed,serial=vmgate-seed'],
  ...['-netdev', `user,id=net,ipv6=off,hostfwd=tcp:127.0.0.1:${port}-:22`],
  ...['-device', 'virtio-net-pci,netdev=net,romfile=', '-device', 'virtio-rng-pci'],
];
const vm = spawn(qemu, argv, { stdio: ['ignore', 'inherit', 'inherit'] });
vm.on('close', (code) => process.exit(code ?? 0));
process.stdin.resume().on('end', () => vm.kill('SIGKILL'));
