/**
 * The `definition` check: is this work VM what was asked for, and nothing more? (P1.) Its hypervisor's own answer is
 * compared with the specification it was started from, before the link goes up. Everything is a whitelist: a card,
 * backend, disk, device or socket that is not expected refutes, whatever it is.
 */
import type { DiskLayer, WorkSpec } from '../drivers/driver.ts';
import { type Opinion, refuted, unknown, verified } from './checks/check.ts';
import type { BlockNode, MachineFacts } from './machine-facts.ts';
import type { Verdict } from './verdict.ts';

/** In the VM's folder; drivers bind it there. */
export const SCREEN_SOCKET = 'screen.sock';

const TRUST = {
  gatewayCouldFake: 'nothing: the gateway is not asked',
  hostWitness: "the work VM's own hypervisor process, over its control socket",
} as const;

/** `facts` undefined: they could not be read, or contradict each other. `durationMs`: what reading them took. */
export function judgeDefinition(spec: WorkSpec, facts: MachineFacts | undefined, durationMs = 0): Verdict {
  return { check: 'definition', ...opinionOn(spec, facts), durationMs, trust: TRUST };
}

function opinionOn(spec: WorkSpec, facts: MachineFacts | undefined): Opinion {
  const { name } = spec;
  if (facts === undefined) {
    return unknown(`what ${name} consists of could not be read`, `vmgate stop ${name} && vmgate start ${name}`);
  }
  const deviations = RULES.flatMap((rule) => rule(spec, facts));
  if (deviations.length > 0) {
    const remedy = `vmgate stop ${name} && vmgate start ${name}; if that changes nothing: vmgate doctor --report`;
    return refuted(`${name} is not the machine that was asked for`, remedy, deviations);
  }
  const disk = spec.boot.kind === 'disk' ? `disk ${spec.boot.overlay} over ${spec.boot.base.path}` : 'no disk';
  return verified(`${name} has one network card, on its wire to the gateway, and nothing else leads out`, [
    `card ${spec.mac} on ${spec.wire.localPath}`,
    disk,
  ]);
}

/** Deviations, one a line; none when all is as asked. */
type Rule = (spec: WorkSpec, facts: MachineFacts) => string[];

const identity: Rule = ({ name }, facts) =>
  facts.name === name ? [] : [`these are the facts of ${facts.name}, not of ${name}`];

const oneCard: Rule = (spec, { cards }) => {
  if (cards.length !== 1) return [`${cards.length} network cards: ${cards.map(({ id }) => id).join(', ')}`];
  const model = cardModel(spec);
  return cards.flatMap((card) => [
    ...(card.model === model ? [] : [`card ${card.id} is a ${card.model}, not a ${model}`]),
    ...(card.mac.toLowerCase() === spec.mac.toLowerCase() ? [] : [`card ${card.id} has the address ${card.mac}`]),
  ]);
};

/** The backend is our pair of sockets, and the card is plugged into it; one without a card waits to become a way out. */
const oneBackend: Rule = ({ wire }, { cards, backends }) => [
  ...backends.flatMap(({ id, type, detail }) => {
    // QEMU calls the pair `udp=` whatever its sockets are.
    const ours = type === 'dgram' && detail.replace(/^[a-z]+=/, '') === `${wire.localPath}:${wire.remotePath}`;
    if (!ours) return [`network backend ${id} is ${type} ${detail}`];
    return cards.some(({ backend }) => backend === id) ? [] : [`network backend ${id} belongs to no card`];
  }),
  ...cards.flatMap(({ id, backend, backendType }) => {
    const plugged = backends.some((candidate) => candidate.id === backend && candidate.type === backendType);
    return plugged ? [] : [`card ${id} is plugged into ${backendType || 'nothing'} ${backend}`];
  }),
];

/** Node names are free, drivers and files are not: no nbd, http or vvfat, no file of the host beyond these two. */
const blockGraph: Rule = (spec, facts) => {
  const [expected, found] = [expectedNodes(spec), facts.blocks.map(describeNode)];
  return [
    ...surplus(found, expected).map((node) => `unexpected block node: ${node}`),
    ...surplus(expected, found).map((node) => `missing block node: ${node}`),
  ];
};

const devices: Rule = (spec, facts) => {
  const [expected, found] = [expectedDevices(spec), facts.devices.map(({ type }) => type)];
  return [
    ...surplus(found, expected).map((type) => `unexpected device: ${type}`),
    ...surplus(expected, found).map((type) => `missing device: ${type}`),
  ];
};

/**
 * The screen is where it was asked for and nowhere else. SPICE is never asked for: its channels carry the clipboard, files
 * and USB devices. A window is QEMU's, in whatever toolkit this host has.
 */
const displays: Rule = ({ display, folder }, facts) => {
  const isAsked = ({ kind, detail }: MachineFacts['displays'][number]) =>
    display === 'window'
      ? (kind === 'gtk' || kind === 'cocoa') && detail === ''
      : display === 'vnc' && kind === 'vnc' && detail === `unix ${folder}/${SCREEN_SOCKET} none`;
  const asked = facts.displays.filter(isAsked).length;
  return [
    ...facts.displays
      .filter((each) => !isAsked(each))
      .map(({ kind, detail }) => `its screen can be seen by ${kind} ${detail}`.trimEnd()),
    ...(asked > 1 ? [`its screen can be seen in ${asked} places`] : []),
    ...(display !== 'none' && asked === 0 ? [`its screen cannot be seen by ${display}`] : []),
  ];
};

/** Unix sockets in the VM's own folder, bound by QEMU, and nothing else: no file, pty, TCP port or host device. */
const chardevs: Rule = ({ folder }, facts) =>
  facts.chardevs.flatMap(({ label, target }) => {
    const path = /^(?:disconnected:)?unix:([^,]*),server=on$/.exec(target)?.[1] ?? '';
    const ours = path.startsWith(`${folder}/`) && !path.slice(folder.length + 1).includes('/');
    return ours ? [] : [`character device ${label} leads to ${target}`];
  });

const RULES: readonly Rule[] = [identity, oneCard, oneBackend, blockGraph, devices, displays, chardevs];

function cardModel({ hardware }: WorkSpec): string {
  return hardware === 'compat' ? 'e1000e' : 'virtio-net-pci';
}

function expectedDevices(spec: WorkSpec): string[] {
  const always = ['virtio-rng-pci', cardModel(spec), ...screenDevices(spec)];
  if (spec.boot.kind === 'kernel') return always;
  const [disk, seed] = spec.hardware === 'virtio' ? ['virtio-blk-pci', 'virtio-blk-pci'] : ['ide-hd', 'ide-cd'];
  // q35 has a SATA controller of its own, `virt` has none.
  const controller = spec.hardware === 'compat' && spec.arch === 'arm64' ? ['ich9-ahci'] : [];
  return [...always, disk, ...controller, ...(spec.boot.seed === undefined ? [] : [seed])];
}

/**
 * What a screen consists of inside the machine. q35 has a keyboard of its own, `virt` has none; the pointer is a tablet,
 * so that it is where the viewer's pointer is. Held to be so by the argv's golden files.
 */
export function screenDevices({ display, arch, hardware }: Pick<WorkSpec, 'display' | 'arch' | 'hardware'>): string[] {
  if (display === 'none') return [];
  const keyboard = arch === 'arm64';
  const input =
    hardware === 'compat'
      ? ['qemu-xhci', ...(keyboard ? ['usb-kbd'] : []), 'usb-tablet']
      : [...(keyboard ? ['virtio-keyboard-pci'] : []), 'virtio-tablet-pci'];
  return [arch === 'arm64' ? 'virtio-gpu-pci' : 'VGA', ...input];
}

function expectedNodes({ boot }: WorkSpec): string[] {
  if (boot.kind === 'kernel') return [];
  const { overlay, base, seed } = boot;
  return [
    ...(seed === undefined ? [] : layerNodes({ path: seed, format: 'raw' })),
    describeNode({ driver: 'qcow2', file: overlay, backing: base.path }),
    describeNode({ driver: 'file', file: overlay, backing: undefined }),
    ...layerNodes(base),
  ];
}

function layerNodes({ path: file, format, over }: DiskLayer): string[] {
  return [
    describeNode({ driver: format, file, backing: over?.path }),
    describeNode({ driver: 'file', file, backing: undefined }),
    ...(over === undefined ? [] : layerNodes(over)),
  ];
}

function describeNode({ driver, file, backing }: Omit<BlockNode, 'name'>): string {
  return `${driver} ${file}${backing === undefined ? '' : ` over ${backing}`}`;
}

/** Members of `found` beyond those of `allowed`, counted: two of a kind where one is allowed leave one. */
function surplus(found: readonly string[], allowed: readonly string[]): string[] {
  const left = [...allowed];
  return found.filter((member) => {
    const index = left.indexOf(member);
    if (index >= 0) left.splice(index, 1);
    return index < 0;
  });
}
