// Baseline for up-to-verified: what somebody writes who wants his VPN in a VM, with a kill switch and DHCP for one more
// VM, and proves nothing. Same QEMU, kernel and layers. Prints the first answer through the tunnel; ends with its stdin.
// usage: node gateway.mjs QEMU ACCEL IMAGE-FOLDER WG-QUICK-FILE SITE CPIO-MODULE
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const [qemu, accel, image, profileFile, site, cpioModule] = process.argv.slice(2);
const { writeCpio } = await import(cpioModule);
const profile = readFileSync(profileFile, 'utf8');
const value = (key) => new RegExp(`^${key} = (.*)$`, 'm').exec(profile)[1];
const [endpoint, port] = value('Endpoint').split(':');
const ruleset = `table inet vpn {
  chain output { type filter hook output priority 0; policy drop; oifname { "lo", "eth1", "wg0" } accept
    oifname "eth0" ip daddr ${endpoint} udp dport ${port} accept; }
  chain forward { type filter hook forward priority 0; policy drop; iifname "eth1" oifname "wg0" accept
    iifname "wg0" oifname "eth1" ct state established accept; }
  chain nat { type nat hook postrouting priority 100; oifname "wg0" masquerade; } }`;
const before = [
  'link set lo up',
  'addr add 10.0.2.15/24 dev eth0',
  'link set eth0 up',
  'addr add 10.213.0.1/29 dev eth1',
];
before.push('link set eth1 up', 'link add wg0 type wireguard', `addr add ${value('Address')} dev wg0`);
const init = `#!/bin/sh
export PATH=/usr/sbin:/usr/bin
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs devtmpfs /dev; mkdir -p /run
echo 1 >/proc/sys/net/ipv4/ip_forward; command -v modprobe >/proc/sys/kernel/modprobe
modprobe -a virtio_net wireguard nf_tables nft_ct nft_masq nft_chain_nat
nft -f /etc/ruleset; ip -batch /etc/before; wg setconf wg0 /etc/wg.conf; ip -batch /etc/after
dnsmasq --user=root --interface=eth1 --bind-interfaces --dhcp-range=10.213.0.2,10.213.0.2 --dhcp-leasefile=/run/leases
until answer=$(wget -q -O - ${site}); do usleep 50000; done
echo "answer: $answer" >/dev/console; exec sleep 3600\n`;
const file = (name, mode, data) => ({ path: name, type: 'file', mode, data });
const own = writeCpio([
  ...[file('init', 0o755, init), file('etc/ruleset', 0o600, ruleset), file('etc/before', 0o600, before.join('\n'))],
  file('etc/wg.conf', 0o600, profile.replace(/^(Address|DNS) = .*\n/gm, '')),
  file('etc/after', 0o600, 'link set wg0 mtu 1420 up\nroute add default dev wg0\n'),
  file('etc/resolv.conf', 0o600, `nameserver ${value('DNS')}\n`),
]);
const folder = mkdtempSync(path.join(tmpdir(), 'vmg-hand-'));
const layers = ['base.cpio', 'wireguard.cpio'].map((name) => readFileSync(path.join(image, name)));
writeFileSync(path.join(folder, 'initramfs'), Buffer.concat([...layers, own]), { mode: 0o600 });
const argv = [
  ...['-no-user-config', '-nodefaults', '-no-reboot', '-display', 'none', '-machine', 'q35', '-m', '160M'],
  ...['-accel', accel === 'tcg' ? 'tcg,thread=multi' : accel, '-cpu', accel === 'tcg' ? 'max' : 'host'],
  ...['-kernel', path.join(image, 'kernel'), '-initrd', path.join(folder, 'initramfs'), '-serial', 'stdio'],
  ...['-append', 'console=ttyS0 panic=-1 quiet net.ifnames=0', '-device', 'virtio-rng-pci'],
  ...['-netdev', 'user,id=up,ipv6=off', '-device', 'virtio-net-pci,netdev=up,romfile='],
  ...['-netdev', `dgram,id=vm,local.type=unix,local.path=${folder}/a,remote.type=unix,remote.path=${folder}/b`],
  ...['-device', 'virtio-net-pci,netdev=vm,romfile='],
];
const vm = spawn(qemu, argv, { stdio: ['ignore', 'inherit', 'inherit'] });
vm.on('close', (code) => {
  rmSync(folder, { recursive: true, force: true });
  process.exit(code ?? 0);
});
process.stdin.resume().on('end', () => vm.kill('SIGKILL'));
