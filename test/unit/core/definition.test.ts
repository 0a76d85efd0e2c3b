/**
 * @leakCase 50 none: a shared folder, a USB device, a second card or disk, a card on a bridge, vsock, a guest agent, a
 *   clipboard's channel, and a screen that others can see are each found by name
 */
import { describe, expect, test } from '@jest/globals';
import { judgeDefinition } from '../../../src/core/definition.ts';
import type { MachineFacts } from '../../../src/core/machine-facts.ts';
import type { WorkSpec } from '../../../src/drivers/driver.ts';
import { DISK, KERNEL, SEEDED, workSpec } from '../drivers/specs.ts';

const WIRE = '/home/ada/.vmgate/gates/default/w/work0.v:/home/ada/.vmgate/gates/default/w/work0.g';
const FOLDER = '/home/ada/.vmgate/gates/default/vm/web';

/** What QEMU 7.2 says about the machine that workSpec() describes. */
const FACTS: MachineFacts = {
  name: 'web',
  status: 'prelaunch',
  cards: [{ id: 'nic', model: 'virtio-net-pci', mac: '52:54:20:00:07:00', backend: 'wire', backendType: 'dgram' }],
  backends: [{ id: 'wire', type: 'dgram', detail: `udp=${WIRE}` }],
  blocks: [
    { name: 'disk', driver: 'qcow2', file: DISK.overlay, backing: DISK.base.path },
    { name: 'disk-file', driver: 'file', file: DISK.overlay, backing: undefined },
    { name: 'base', driver: 'qcow2', file: DISK.base.path, backing: undefined },
    { name: 'base-file', driver: 'file', file: DISK.base.path, backing: undefined },
  ],
  devices: [
    { id: 'disk0', type: 'virtio-blk-pci' },
    { id: 'rng', type: 'virtio-rng-pci' },
    { id: 'nic', type: 'virtio-net-pci' },
  ],
  displays: [],
  chardevs: [
    { label: 'qmp', target: `unix:${FOLDER}/qmp.sock,server=on` },
    { label: 'console', target: `disconnected:unix:${FOLDER}/console.sock,server=on` },
  ],
};
const [CARD, BACKEND] = [FACTS.cards[0], FACTS.backends[0]];
if (CARD === undefined || BACKEND === undefined) throw new Error('the sample has a card and a backend');

const VNC = { kind: 'vnc', detail: `unix ${FOLDER}/screen.sock none` };
const WINDOW = { kind: 'gtk', detail: '' };

const DISKLESS: MachineFacts = {
  ...FACTS,
  blocks: [],
  devices: FACTS.devices.filter(({ type }) => type !== 'virtio-blk-pci'),
};

const SEEDED_FACTS: MachineFacts = {
  ...FACTS,
  blocks: [
    ...FACTS.blocks,
    { name: 'seed', driver: 'raw', file: SEEDED.seed, backing: undefined },
    { name: 'seed-file', driver: 'file', file: SEEDED.seed, backing: undefined },
  ],
  devices: [...FACTS.devices, { id: 'disk1', type: 'virtio-blk-pci' }],
};

test.each<[string, WorkSpec, MachineFacts]>([
  ['with a seed', workSpec({ boot: SEEDED }), SEEDED_FACTS],
  ['with a kernel beside its disk', workSpec({ boot: { ...SEEDED, kernel: KERNEL } }), SEEDED_FACTS],
  ['with a disk', workSpec(), FACTS],
  ['with a kernel', workSpec({ boot: KERNEL }), DISKLESS],
  ['running', workSpec(), { ...FACTS, status: 'running' }],
  ['with compat hardware', workSpec({ hardware: 'compat' }), compat(['ide-hd'])],
  ['with compat hardware on arm64', workSpec({ hardware: 'compat', arch: 'arm64' }), compat(['ide-hd', 'ich9-ahci'])],
  ['with a screen by VNC', workSpec({ display: 'vnc' }), withScreen(['VGA', 'virtio-tablet-pci'], VNC)],
  ['with a window', workSpec({ display: 'window' }), withScreen(['VGA', 'virtio-tablet-pci'], WINDOW)],
  [
    'with a window on macOS',
    workSpec({ display: 'window', arch: 'arm64' }),
    withScreen(['virtio-gpu-pci', 'virtio-keyboard-pci', 'virtio-tablet-pci'], { kind: 'cocoa', detail: '' }),
  ],
  [
    'whose hypervisor writes the address in capitals',
    workSpec(),
    { ...FACTS, cards: [{ ...CARD, mac: CARD.mac.toUpperCase() }] },
  ],
])('a machine %s that is as asked is verified', (_, spec, facts) => {
  expect(judgeDefinition(spec, facts, 12)).toMatchObject({
    check: 'definition',
    outcome: 'verified',
    remedy: '',
    durationMs: 12,
  });
});

test.each<[string, WorkSpec, MachineFacts, string]>([
  ['a seed that nobody asked for', workSpec(), SEEDED_FACTS, `unexpected block node: raw ${SEEDED.seed}`],
  ['no seed', workSpec({ boot: SEEDED }), FACTS, `missing block node: raw ${SEEDED.seed}`],
  [
    'another seed',
    workSpec({ boot: SEEDED }),
    {
      ...SEEDED_FACTS,
      blocks: SEEDED_FACTS.blocks.map((node) => (node.file === SEEDED.seed ? { ...node, file: '/etc/shadow' } : node)),
    },
    'unexpected block node: raw /etc/shadow',
  ],
])('%s refutes', (_, spec, facts, deviation) => {
  const verdict = judgeDefinition(spec, facts);
  expect(verdict.outcome).toBe('refuted');
  expect(verdict.evidence).toContain(deviation);
});

test('facts that could not be read are unknown, with a remedy', () => {
  const verdict = judgeDefinition(workSpec(), undefined);
  expect(verdict.outcome).toBe('unknown');
  expect(verdict.remedy).not.toBe('');
});

describe('refuted', () => {
  const spare = { id: 'up', type: 'user', detail: 'net=10.0.2.0,restrict=off' };
  const CHANGES: readonly (readonly [string, string, Partial<MachineFacts>])[] = [
    ['a second card', '2 network cards: nic, nat', { cards: [CARD, { ...CARD, id: 'nat' }] }],
    ['no card', '0 network cards', { cards: [] }],
    [
      'a card with another address',
      'has the address 52:54:00:12:34:56',
      { cards: [{ ...CARD, mac: '52:54:00:12:34:56' }] },
    ],
    ['a card without an address', 'has the address ', { cards: [{ ...CARD, mac: '' }] }],
    ['another model', 'card nic is a rtl8139', { cards: [{ ...CARD, model: 'rtl8139' }] }],
    ['an unplugged card', 'card nic is plugged into nothing', { cards: [{ ...CARD, backend: '', backendType: '' }] }],
    [
      'a card that lies about its backend',
      'card nic is plugged into user',
      { cards: [{ ...CARD, backendType: 'user' }] },
    ],
    ['a NAT backend in place of the wire', 'network backend wire is user', { backends: [{ ...spare, id: 'wire' }] }],
    ['a NAT backend that waits for a card', 'network backend up is user', { backends: [BACKEND, spare] }],
    ['a second wire', 'network backend two belongs to no card', { backends: [BACKEND, { ...BACKEND, id: 'two' }] }],
    [
      'a wire that ends elsewhere',
      'network backend wire is dgram',
      { backends: [{ ...BACKEND, detail: 'udp=/tmp/a:/tmp/b' }] },
    ],
    [
      'a UDP socket',
      'network backend wire is dgram',
      { backends: [{ ...BACKEND, detail: 'udp=127.0.0.1:1/127.0.0.1:2' }] },
    ],
    ['no backend at all', 'card nic is plugged into dgram wire', { backends: [] }],
    [
      'a disk of the host',
      'unexpected block node: file /dev/sda',
      { blocks: [...FACTS.blocks, node('file', '/dev/sda')] },
    ],
    [
      'a disk from the network',
      'unexpected block node: nbd',
      { blocks: [...FACTS.blocks, node('nbd', 'nbd://192.0.2.1')] },
    ],
    [
      'the base as raw',
      'missing block node: qcow2',
      { blocks: FACTS.blocks.map((each) => (each.name === 'base' ? { ...each, driver: 'raw' } : each)) },
    ],
    [
      'a base with a backing file',
      'over /etc/shadow',
      { blocks: FACTS.blocks.map((each) => (each.name === 'base' ? { ...each, backing: '/etc/shadow' } : each)) },
    ],
    [
      'the base opened twice',
      'unexpected block node: file',
      { blocks: [...FACTS.blocks, node('file', DISK.base.path)] },
    ],
    ['a missing disk', 'missing block node', { blocks: [] }],
    [
      'a host USB device',
      'unexpected device: usb-host',
      { devices: [...FACTS.devices, { id: 'x', type: 'usb-host' }] },
    ],
    [
      'a shared folder',
      'unexpected device: virtio-9p-pci',
      { devices: [...FACTS.devices, { id: 'x', type: 'virtio-9p-pci' }] },
    ],
    [
      'a second disk device',
      'unexpected device: virtio-blk-pci',
      { devices: [...FACTS.devices, { id: 'x', type: 'virtio-blk-pci' }] },
    ],
    [
      'a passed-through card',
      'unexpected device: vfio-pci',
      { devices: [...FACTS.devices, { id: 'x', type: 'vfio-pci' }] },
    ],
    ['another machine', 'these are the facts of bank', { name: 'bank' }],
  ];
  test.each(CHANGES)('%s', (_, named, change) => {
    const verdict = judgeDefinition(workSpec(), { ...FACTS, ...change });
    expect(verdict.outcome).toBe('refuted');
    expect(verdict.evidence.join('\n')).toContain(named);
    expect(verdict.remedy).toContain('vmgate stop web');
  });

  test.each([
    'tcp:127.0.0.1:4444,server=on',
    'file',
    'pty:/dev/pts/3',
    'unix:/tmp/other.sock,server=on',
    `unix:${FOLDER}/../../gw/qmp.sock,server=on`,
    `unix:${FOLDER}/deeper/x.sock,server=on`,
    `unix:${FOLDER}/qmp.sock`,
    `disconnected:tcp:192.0.2.1:1 ${FOLDER}/qmp.sock,server=on`,
  ])('a character device that leads to %s', (target) => {
    const verdict = judgeDefinition(workSpec(), {
      ...FACTS,
      chardevs: [...FACTS.chardevs, { label: 'extra', target }],
    });
    expect(verdict).toMatchObject({ outcome: 'refuted', evidence: [`character device extra leads to ${target}`] });
  });

  test('a disk on a machine that has none', () => {
    expect(judgeDefinition(workSpec({ boot: KERNEL }), FACTS).outcome).toBe('refuted');
  });
});

/** Each of them is one more thing beside a machine that is verified without it: the anti-test below. */
describe('a side door', () => {
  const device = (type: string) => ({ devices: [...FACTS.devices, { id: 'x', type }] });
  const backend = (type: string, detail: string) => ({ backends: [BACKEND, { id: 'x', type, detail }] });
  const channel = (target: string) => ({ chardevs: [...FACTS.chardevs, { label: 'x', target }] });
  const nat = { id: 'x', model: 'e1000', mac: '52:54:00:00:00:01', backend: 'nat', backendType: 'user' };

  test.each<[string, string, Partial<MachineFacts>]>([
    ['a shared folder by 9p', 'unexpected device: virtio-9p-pci', device('virtio-9p-pci')],
    ['a shared folder by virtiofs', 'unexpected device: vhost-user-fs-pci', device('vhost-user-fs-pci')],
    ['a shared folder by MTP', 'unexpected device: usb-mtp', device('usb-mtp')],
    [
      'a folder as a FAT disk',
      'unexpected block node: vvfat',
      { blocks: [...FACTS.blocks, node('vvfat', '/home/ada')] },
    ],
    ['shared memory of the host', 'unexpected device: ivshmem-plain', device('ivshmem-plain')],
    ['a card of the host by USB', 'unexpected device: usb-host', device('usb-host')],
    ['a network card by USB', 'unexpected device: usb-net', device('usb-net')],
    ['USB redirection', 'unexpected device: usb-redir', device('usb-redir')],
    ['a passed-through card', 'unexpected device: vfio-pci', device('vfio-pci')],
    ['a second card with its own NAT', '2 network cards: nic, x', { cards: [CARD, nat] }],
    ['its card moved to NAT', 'plugged into user nat', { cards: [{ ...CARD, backend: 'nat', backendType: 'user' }] }],
    [
      'its card on a bridge',
      'network backend wire is bridge br=br0',
      { cards: [{ ...CARD, backendType: 'bridge' }], backends: [{ id: 'wire', type: 'bridge', detail: 'br=br0' }] },
    ],
    [
      'its card on a tap of the host',
      'network backend wire is tap ifname=tap0',
      { cards: [{ ...CARD, backendType: 'tap' }], backends: [{ id: 'wire', type: 'tap', detail: 'ifname=tap0' }] },
    ],
    ['a backend that waits for a card to be plugged in', 'network backend x is user', backend('user', 'restrict=off')],
    ['a backend on a switch of the host', 'network backend x is vde', backend('vde', 'sock=/run/vde')],
    ['vsock', 'unexpected device: vhost-vsock-pci', device('vhost-vsock-pci')],
    ['vsock by another process', 'unexpected device: vhost-user-vsock-pci', device('vhost-user-vsock-pci')],
    ['a guest agent', 'unexpected device: virtserialport', device('virtserialport')],
    ['a guest agent on a socket of the host', 'leads to unix:/run/qga.sock', channel('unix:/run/qga.sock,server=on')],
    [
      'a socket of the host',
      'leads to disconnected:unix:/run/user/1000/bus',
      channel('disconnected:unix:/run/user/1000/bus'),
    ],
    ['a serial line to a file', 'character device x leads to file', channel('file')],
    [
      'a monitor on a port',
      'leads to disconnected:tcp:127.0.0.1:4444',
      channel('disconnected:tcp:127.0.0.1:4444,server=on'),
    ],
    ['a security key of the host', 'unexpected device: u2f-passthru', device('u2f-passthru')],
  ])('refuted, case 50: %s', (_, named, door) => {
    const verdict = judgeDefinition(workSpec(), { ...FACTS, ...door });
    expect(verdict.outcome).toBe('refuted');
    expect(verdict.evidence.join('\n')).toContain(named);
  });

  test('anti-test, case 50: with none of them it is verified', () => {
    expect(judgeDefinition(workSpec(), FACTS).outcome).toBe('verified');
  });
});

function withScreen(models: readonly string[], ...displays: MachineFacts['displays']): MachineFacts {
  return { ...FACTS, devices: [...FACTS.devices, ...models.map((type) => ({ id: type, type }))], displays };
}

function compat(disk: readonly string[]): MachineFacts {
  return {
    ...FACTS,
    cards: FACTS.cards.map((card) => ({ ...card, model: 'e1000e' })),
    devices: ['virtio-rng-pci', 'e1000e', ...disk].map((type, index) => ({ id: `d${index}`, type })),
  };
}

function node(driver: string, file: string) {
  return { name: 'x', driver, file, backing: undefined };
}

describe('a screen', () => {
  const spec = workSpec({ display: 'vnc' });
  const models = ['VGA', 'virtio-tablet-pci'];

  /** Each of these would be a way in or out beside the picture; case 50 names them. */
  test.each<[string, string, MachineFacts]>([
    [
      'a port of the loopback',
      'vnc inet 127.0.0.1 5900 none',
      withScreen(models, { kind: 'vnc', detail: 'inet 127.0.0.1 5900 none' }),
    ],
    [
      'a second server',
      'vnc inet 0.0.0.0 5901 vnc',
      withScreen(models, VNC, { kind: 'vnc', detail: 'inet 0.0.0.0 5901 vnc' }),
    ],
    ['the same server twice', 'in 2 places', withScreen(models, VNC, VNC)],
    [
      'a socket elsewhere',
      'vnc unix /tmp/screen.sock none',
      withScreen(models, { kind: 'vnc', detail: 'unix /tmp/screen.sock none' }),
    ],
    [
      'another of its sockets',
      'vnc unix',
      withScreen(models, { kind: 'vnc', detail: `unix ${FOLDER}/other.sock none` }),
    ],
    [
      'SPICE, which carries the clipboard, files and USB',
      'spice 127.0.0.1',
      withScreen(models, VNC, { kind: 'spice', detail: '127.0.0.1 none' }),
    ],
    ['a window beside it', 'seen by gtk', withScreen(models, VNC, WINDOW)],
    ['D-Bus, where other programs take it', 'seen by dbus', withScreen(models, VNC, { kind: 'dbus', detail: '' })],
    ['no server', 'cannot be seen by vnc', withScreen(models)],
    ['no graphics card', 'missing device: VGA', withScreen(['virtio-tablet-pci'], VNC)],
    ['a second graphics card', 'unexpected device: qxl', withScreen([...models, 'qxl'], VNC)],
    [
      'a port for an agent, which a clipboard needs',
      'unexpected device: virtserialport',
      withScreen([...models, 'virtserialport'], VNC),
    ],
    ['USB redirection', 'unexpected device: usb-redir', withScreen([...models, 'usb-redir'], VNC)],
    [
      'a USB controller that nobody asked for',
      'unexpected device: qemu-xhci',
      withScreen([...models, 'qemu-xhci'], VNC),
    ],
    ['sound', 'unexpected device: intel-hda', withScreen([...models, 'intel-hda'], VNC)],
    ['a smart card', 'unexpected device: ccid-card-passthru', withScreen([...models, 'ccid-card-passthru'], VNC)],
  ])('refuted, case 50: %s', (_, named, facts) => {
    const verdict = judgeDefinition(spec, facts);
    expect(verdict.outcome).toBe('refuted');
    expect(verdict.evidence.join('\n')).toContain(named);
  });

  test.each(['qemu-vdagent', 'spicevmc,vdagent', 'vc:1024x768'])('refuted, case 50: a channel of %s', (target) => {
    const facts = withScreen(models, VNC);
    const chardevs = [...facts.chardevs, { label: 'agent', target }];
    expect(judgeDefinition(spec, { ...facts, chardevs })).toMatchObject({
      outcome: 'refuted',
      evidence: [`character device agent leads to ${target}`],
    });
  });

  test('anti-test, case 50: with nothing beside it, it is verified', () => {
    expect(judgeDefinition(spec, withScreen(models, VNC)).outcome).toBe('verified');
  });

  test('refuted where none was asked for', () => {
    const verdict = judgeDefinition(workSpec(), withScreen(models, VNC));
    expect(verdict.evidence).toEqual([
      'unexpected device: VGA',
      'unexpected device: virtio-tablet-pci',
      `its screen can be seen by vnc unix ${FOLDER}/screen.sock none`,
    ]);
  });

  test('refuted where a window was asked for and a server is there', () => {
    expect(judgeDefinition(workSpec({ display: 'window' }), withScreen(models, VNC))).toMatchObject({
      outcome: 'refuted',
    });
  });
});
