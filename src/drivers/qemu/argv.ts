/**
 * QEMU command lines as pure functions of what is asked for. Golden files in test/unit/drivers show them whole.
 *
 * What is absent matters as much as what is there: no `hostfwd`, `guestfwd`, `smb`, `tftp` or `-virtfs`, no display but
 * the one a work VM asks for, nothing beside it that carries a clipboard, files or USB devices, no monitor but QMP, and no way for a caller to add an argument of his own. `-nodefaults -no-user-config` because QEMU
 * otherwise adds a NAT card by itself and reads the user's configuration files.
 */
import path from 'node:path';
import { SCREEN_SOCKET } from '../../core/definition.ts';
import type { Arch, DiskLayer, GatewayBoot, WorkSpec } from '../driver.ts';
import { option } from './option.ts';
import { ownWindow, screen, type WindowToolkit } from './screen-argv.ts';

/** How the guest's instructions run: hardware virtualisation of Linux or macOS, or translated. */
export type AcceleratorName = 'kvm' | 'hvf' | 'tcg';

/** What the probe found out about the QEMU of this machine, as far as it shows in an argv. */
export interface Capabilities {
  readonly accel: AcceleratorName;
  /** Built with seccomp (Linux): the process gives up exec, set-uid and resource control. */
  readonly sandbox: boolean;
  /** The toolkit of QEMU's own windows here. */
  readonly window?: WindowToolkit;
  /** UEFI firmware for disks: `virt` has none of its own, q35 has a BIOS. */
  readonly firmware?: string;
}

/** Names inside one machine: sockets in its folder, and ids in QMP. */
export const SOCKETS = {
  qmp: 'qmp.sock',
  serial: 'serial.sock',
  control: 'ssh.sock',
  outgoing: 'fo.sock',
  released: 'fi.sock',
  console: 'console.sock',
  screen: SCREEN_SOCKET,
  probeIn: 'pi.sock',
  probeOut: 'po.sock',
} as const;
export const PIDFILE = 'qemu.pid';
/** Id of the work VM's only netdev: `set_link` takes it (the device id would leave the backend up). */
export const WORK_NETDEV = 'wire';
const CONTROL_PORT = 'vmgate.ssh';

/** Panic ends QEMU (with -no-reboot) instead of hanging, so that a dead gateway is seen to be dead. */
const GATEWAY_APPEND = 'panic=-1 quiet loglevel=4 net.ifnames=0';

/** The gateway: direct kernel boot, uplink first, work links, probe link last; runs at once. */
export function gatewayArgv(boot: GatewayBoot, capabilities: Capabilities): string[] {
  const socket = (name: string) => path.join(boot.runFolder, name);
  return [
    ...common('vmgate-gateway', { ...boot, hardware: 'virtio' }, boot.runFolder, capabilities),
    '-no-reboot',
    ...server('serial', socket(SOCKETS.serial)),
    ...['-serial', 'chardev:serial'],
    ...kernel(boot.kernel, boot.initramfs, `${serialConsole(boot.arch)} ${GATEWAY_APPEND}`),
    ...uplink(boot),
    ...boot.plan.work.flatMap(({ ifname, gatewayMac }, index) => link(boot, ifname, gatewayMac, index + 1)),
    ...link(boot, boot.plan.probe.ifname, boot.plan.probe.gatewayMac, boot.plan.work.length + 1),
    ...server('control', socket(SOCKETS.control)),
    ...['-device', option('virtio-serial-pci', { id: 'serials', max_ports: 2 })],
    ...['-device', option('virtserialport', { chardev: 'control', id: 'control-port', name: CONTROL_PORT })],
    ...guardFilters(boot, socket),
    ...(boot.monitor === undefined
      ? []
      : [...server('drill', boot.monitor), ...['-mon', 'chardev=drill,mode=control']]),
  ];
}

/** A work VM: CPU stopped, one card, one wire. The caller sets its link down before anything else. */
export function workArgv(spec: WorkSpec, capabilities: Capabilities): string[] {
  const model = spec.hardware === 'compat' ? 'e1000e' : 'virtio-net-pci';
  return [
    ...common(`vmgate-${spec.name}`, spec, spec.folder, capabilities, spec.display === 'window' ? 'window' : 'none'),
    '-S',
    ...server('console', path.join(spec.folder, SOCKETS.console)),
    ...['-serial', 'chardev:console'],
    ...wire(WORK_NETDEV, spec.wire.localPath, spec.wire.remotePath),
    ...['-device', option(model, { netdev: WORK_NETDEV, id: 'nic', mac: spec.mac, romfile: '' })],
    ...bootSource(spec, capabilities),
    ...screen(spec),
  ];
}

/** Every unix socket path in the command line; the kernel cuts none silently, it refuses (108 or 104 bytes). */
export function socketPaths(argv: readonly string[]): string[] {
  return argv.flatMap((argument) =>
    [...argument.matchAll(/(?:^|,)(?:(?:path|local\.path|remote\.path)=|unix:)((?:[^,]|,,)*)/g)].map((match) =>
      (match[1] ?? '').replaceAll(',,', ','),
    ),
  );
}

export function common(
  name: string,
  machine: Pick<WorkSpec, 'arch' | 'memoryMiB' | 'cpus' | 'hardware'>,
  folder: string,
  capabilities: Capabilities,
  display: 'none' | 'window' = 'none',
): string[] {
  return [
    ...['-name', option(name, {})],
    '-no-user-config',
    '-nodefaults',
    // SIGABRT must not leave VPN keys in a core file.
    ...['-machine', `${machineType(machine)},dump-guest-core=off`],
    ...['-accel', capabilities.accel === 'tcg' ? 'tcg,thread=multi' : capabilities.accel],
    ...['-cpu', cpuModel(machine.arch, capabilities.accel)],
    ...['-m', `${machine.memoryMiB}M`],
    ...['-smp', String(machine.cpus)],
    ...['-display', display === 'none' ? 'none' : ownWindow(capabilities.window)],
    ...['-pidfile', path.join(folder, PIDFILE)],
    ...server('qmp', path.join(folder, SOCKETS.qmp)),
    ...['-mon', 'chardev=qmp,mode=control'],
    ...['-device', option('virtio-rng-pci', { id: 'rng' })],
    ...(capabilities.sandbox ? ['-sandbox', SANDBOX] : []),
  ];
}

export const SANDBOX = 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny';

/** q35's own SATA controller only where a disk hangs on it; `vmport` answers VMware's back door. */
function machineType({ arch, hardware }: Pick<WorkSpec, 'arch' | 'hardware'>): string {
  if (arch === 'arm64') return 'virt';
  return hardware === 'compat' ? 'q35,vmport=off' : 'q35,vmport=off,sata=off';
}

/** `pauth-impdef`: pointer authentication with the architected algorithm makes translated arm64 several times slower. */
function cpuModel(arch: Arch, accel: AcceleratorName): string {
  if (accel !== 'tcg') return 'host';
  return arch === 'arm64' ? 'max,pauth-impdef=on' : 'max';
}

export function serialConsole(arch: Arch): string {
  return arch === 'amd64' ? 'console=ttyS0' : 'console=ttyAMA0';
}

export function kernel(image: string, initramfs: string, append: string): string[] {
  return ['-kernel', image, '-initrd', initramfs, '-append', append];
}

function uplink(boot: GatewayBoot): string[] {
  const { uplink: attachment, plan } = boot;
  const backend =
    attachment.kind === 'user'
      ? ['-netdev', option('user', { id: 'up', ipv6: 'off' })]
      : wire('up', attachment.localPath, attachment.remotePath);
  return [...backend, ...gatewayCard('up', plan.uplink.mac, 0)];
}

function link(boot: GatewayBoot, ifname: string, mac: string, position: number): string[] {
  const ends = boot.wires.find((candidate) => candidate.ifname === ifname);
  if (ends === undefined) throw new RangeError(`no wire for the link ${ifname}`);
  return [...wire(ifname, ends.gatewayPath, ends.guestPath), ...gatewayCard(ifname, mac, position)];
}

/**
 * Cards in fixed slots, eight to a slot: 30 work links, uplink and probe link do not fit in q35's 30 free slots
 * otherwise, and the guest sees them in the plan's order.
 */
function gatewayCard(netdev: string, mac: string, position: number): string[] {
  const [slot, fn] = [FIRST_CARD_SLOT + Math.floor(position / 8), position % 8];
  const address = { addr: `0x${slot.toString(16)}.${fn}`, ...(fn === 0 ? { multifunction: 'on' } : {}) };
  return ['-device', option('virtio-net-pci', { netdev, id: `nic-${netdev}`, mac, romfile: '', ...address })];
}
const FIRST_CARD_SLOT = 8;

/** `dgram` and not `stream`: it heals when either side restarts, and 7.2 crashes when a stream peer leaves. */
export function wire(id: string, localPath: string, remotePath: string): string[] {
  const ends = { 'local.type': 'unix', 'local.path': localPath, 'remote.type': 'unix', 'remote.path': remotePath };
  return ['-netdev', option('dgram', { id, ...ends })];
}

/**
 * Filters see what the guest sends in the reverse of their order here: `gout` takes every frame to the guard; what the
 * guard releases enters at `gin` and goes on to those before it, so only `witness` and then the network see it.
 * `gin` after `gout` would feed released frames to the guard again, for ever.
 */
function guardFilters(boot: GatewayBoot, socket: (name: string) => string): string[] {
  const rx = { netdev: 'up', queue: 'rx' };
  return [
    ...server('fo', socket(SOCKETS.outgoing)),
    ...server('fi', socket(SOCKETS.released)),
    ...(boot.witness === undefined
      ? []
      : ['-object', option('filter-dump', { id: 'witness', ...rx, file: boot.witness, maxlen: 65_535 })]),
    ...['-object', option('filter-redirector', { id: 'gin', ...rx, indev: 'fi' })],
    ...['-object', option('filter-redirector', { id: 'gout', ...rx, outdev: 'fo' })],
  ];
}

function bootSource(spec: WorkSpec, capabilities: Capabilities): string[] {
  const { boot } = spec;
  if (boot.kind === 'kernel') return kernel(boot.kernel, boot.initramfs, boot.append);
  const direct = boot.kernel;
  return [
    ...(direct === undefined ? [] : kernel(direct.kernel, direct.initramfs, direct.append)),
    ...(capabilities.firmware === undefined || !bootsByUefi(spec) ? [] : ['-bios', capabilities.firmware]),
    ...blockGraph(boot).flatMap((node) => ['-blockdev', JSON.stringify(node)]),
    ...(spec.hardware === 'compat'
      ? [
          ...(spec.arch === 'arm64' ? ['-device', option('ich9-ahci', { id: 'ahci' })] : []),
          ...[
            '-device',
            option('ide-hd', { drive: 'disk', id: 'disk0', bus: spec.arch === 'arm64' ? 'ahci.0' : 'ide.0' }),
          ],
        ]
      : ['-device', option('virtio-blk-pci', { drive: 'disk', id: 'disk0' })]),
    ...(boot.seed === undefined ? [] : seedDisk(spec, boot.seed)),
  ];
}

/**
 * After the disk, so that the disk is the first of its kind. cloud-init looks for its data where the machine's serial
 * number says, and nowhere else: no address of a cloud is asked.
 */
function seedDisk(spec: WorkSpec, filename: string): string[] {
  const readOnly = { 'read-only': true };
  const nodes = [
    { driver: 'file', 'node-name': 'seed-file', filename, ...readOnly },
    { driver: 'raw', 'node-name': 'seed', file: 'seed-file', ...readOnly },
  ];
  const compatBus = spec.arch === 'arm64' ? 'ahci.1' : 'ide.1';
  return [
    ...['-smbios', option('type=1', { serial: 'ds=nocloud' })],
    ...nodes.flatMap((node) => ['-blockdev', JSON.stringify(node)]),
    ...(spec.hardware === 'compat'
      ? ['-device', option('ide-cd', { drive: 'seed', id: 'disk1', bus: compatBus })]
      : ['-device', option('virtio-blk-pci', { drive: 'seed', id: 'disk1', serial: SEED_SERIAL })]),
  ];
}

/** By which the initramfs of vmgate's own images knows the seed: provision/work/debian/initramfs/init. */
const SEED_SERIAL = 'vmgate-seed';

/** Whether the machine needs a firmware file: x86 has a BIOS of its own. */
export function bootsByUefi({ boot, arch, firmware }: Pick<WorkSpec, 'boot' | 'arch' | 'firmware'>): boolean {
  return boot.kind === 'disk' && boot.kernel === undefined && (arch === 'arm64' || firmware === 'uefi');
}

/**
 * Every node named and its format said: nothing is guessed from a file's bytes. `backing` is given on both format nodes
 * (null: none), so a backing file named inside an image is never opened. core/definition.ts expects exactly these.
 */
function blockGraph(boot: Extract<WorkSpec['boot'], { kind: 'disk' }>): object[] {
  const { base, overlay } = boot;
  return [
    ...readOnlyNodes('base', base),
    { driver: 'file', 'node-name': 'disk-file', filename: overlay, discard: 'unmap' },
    { driver: 'qcow2', 'node-name': 'disk', file: 'disk-file', backing: 'base', discard: 'unmap' },
  ];
}

/** The lowest first: a node is there before it is named. */
function readOnlyNodes(name: string, { path: filename, format, over }: DiskLayer): object[] {
  const readOnly = { 'read-only': true };
  const under = `${name}-under`;
  return [
    ...(over === undefined ? [] : readOnlyNodes(under, over)),
    { driver: 'file', 'node-name': `${name}-file`, filename, ...readOnly },
    format === 'raw'
      ? { driver: 'raw', 'node-name': name, file: `${name}-file`, ...readOnly }
      : {
          driver: 'qcow2',
          'node-name': name,
          file: `${name}-file`,
          backing: over === undefined ? null : under,
          ...readOnly,
        },
  ];
}

export function server(id: string, socketPath: string): string[] {
  return ['-chardev', option('socket', { id, path: socketPath, server: 'on', wait: 'off' })];
}
