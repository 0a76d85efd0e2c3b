// Baseline for up-to-verified: a script that boots the same QEMU, kernel and initramfs, loads the same firewall and the
// same tunnel over ssh, and proves nothing. Prints when something answered through the tunnel; ends with its stdin.
// usage: node gateway.mjs SETTINGS.json; what it names was written before the clock started (bench/up.mjs)
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import ssh2 from 'ssh2';

const settings = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const { qemu, accel, macs } = settings;
const folder = mkdtempSync(path.join(tmpdir(), 'vmg-hand-'));
const control = path.join(folder, 'ssh');
const argv = [
  ...['-no-user-config', '-nodefaults', '-no-reboot', '-display', 'none', '-machine', 'q35', '-m', '160M'],
  ...['-accel', accel === 'tcg' ? 'tcg,thread=multi' : accel, '-cpu', accel === 'tcg' ? 'max' : 'host'],
  ...['-kernel', settings.kernel, '-initrd', settings.initramfs, '-append', 'console=ttyS0 panic=-1 quiet'],
  ...['-serial', 'null', '-device', 'virtio-rng-pci', '-netdev', 'user,id=up,ipv6=off'],
  ...['-device', `virtio-net-pci,netdev=up,mac=${macs.uplink},romfile=`],
  ...macs.links.flatMap((mac, link) => [
    ...[
      '-netdev',
      `dgram,id=l${link},local.type=unix,local.path=${folder}/${link}a,remote.type=unix,remote.path=${folder}/${link}b`,
    ],
    ...['-device', `virtio-net-pci,netdev=l${link},mac=${mac},romfile=`],
  ]),
  ...['-device', 'virtio-serial-pci', '-chardev', `socket,id=ssh,path=${control},server=on,wait=off`],
  ...['-device', 'virtserialport,chardev=ssh,name=vmgate.ssh'],
];
const vm = spawn(qemu, argv, { stdio: ['ignore', 'inherit', 'inherit'] });
vm.on('close', (code) => {
  rmSync(folder, { recursive: true, force: true });
  process.exit(code ?? 0);
});
process.stdin.resume().on('end', () => vm.kill('SIGKILL'));

/** Connected, and the gateway has said something: before that there is nobody to speak to. */
async function reach() {
  for (;;) {
    const socket = net.connect(control);
    const spoke = await new Promise((resolve) =>
      socket.once('readable', resolve).once('error', () => resolve('refused')),
    );
    if (spoke !== 'refused') return socket;
    await sleep(20);
  }
}
const ssh = new ssh2.Client();
ssh.connect({ sock: await reach(), username: 'root', privateKey: settings.key });
await new Promise((resolve) => ssh.on('ready', resolve));
const verb = (name, input) =>
  new Promise((resolve) => {
    ssh.exec(`vmgate-gw ${name}`, (_, channel) => channel.on('close', resolve).resume().end(input));
  });
await verb('apply', settings.ruleset);
await verb('tunnel', settings.tunnel);
await new Promise((resolve) => ssh.forwardOut('127.0.0.1', 0, settings.resolver, 53, resolve));
process.stdout.write('answer: the resolver inside the tunnel\n');
