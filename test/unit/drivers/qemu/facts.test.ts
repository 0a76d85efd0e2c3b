import { afterEach, expect, test } from '@jest/globals';
import { parseInfoNetwork, readFacts } from '../../../../src/drivers/qemu/facts.ts';
import { QmpClient } from '../../../../src/drivers/qemu/qmp.ts';
import { type Answer, type FakeQmp, fakeQmp, ok } from './fake-qmp.ts';

const NETWORK =
  'nic: index=0,type=nic,model=virtio-net-pci,macaddr=52:54:20:00:00:01\r\n \\ wire: index=0,type=dgram,udp=/w/a:/w/b\r\n';
const PERIPHERAL = [
  { name: 'type', type: 'string' },
  { name: 'rng', type: 'child<virtio-rng-pci>' },
  { name: 'nic', type: 'child<virtio-net-pci>' },
];
const MACHINE: Readonly<Record<string, Answer>> = {
  'query-status': ok({ status: 'prelaunch', singlestep: false, running: false }),
  'human-monitor-command': ok(NETWORK),
  'query-named-block-nodes': ok([
    { 'node-name': 'disk', drv: 'qcow2', file: '/vm/disk.qcow2', backing_file: '/base.qcow2', ro: false },
  ]),
  'query-chardev': ok([{ label: 'qmp', filename: 'unix:/vm/qmp.sock,server=on', 'frontend-open': true }]),
  'query-display-options': ok({ type: 'none' }),
  'query-vnc-servers': ok([]),
  'query-spice': ok({ enabled: false, migrated: false, 'mouse-mode': 'client' }),
  'query-pci': ok([{ bus: 0, devices: [{ class_info: { class: 512 } }, { class_info: { class: 1_536 } }] }]),
  'qom-list': ({ arguments: args, id }) => {
    const folders: Readonly<Record<string, unknown>> = {
      '/machine/peripheral': PERIPHERAL,
      '/machine/peripheral-anon': [{ name: 'type', type: 'string' }],
      '/machine/peripheral/nic': [
        { name: 'mac', type: 'str' },
        { name: 'netdev', type: 'str' },
      ],
      '/machine/peripheral/rng': [{ name: 'rng', type: 'link<rng-backend>' }],
    };
    return JSON.stringify({ return: folders[String(args?.['path'])], id });
  },
  'qom-get': ({ arguments: args, id }) =>
    JSON.stringify({ return: args?.['property'] === 'mac' ? '52:54:20:00:00:01' : 'wire', id }),
};

let server: FakeQmp | undefined;
let client: QmpClient | undefined;
afterEach(async () => {
  client?.close();
  await server?.close();
});

async function facts(changes: Readonly<Record<string, Answer>> = {}) {
  server = await fakeQmp({ ...MACHINE, ...changes });
  client = await QmpClient.connect('work VM web', server.socketPath);
  return readFacts(client, 'web');
}

test('all of a machine is read', async () => {
  await expect(facts()).resolves.toEqual({
    name: 'web',
    status: 'prelaunch',
    cards: [{ id: 'nic', model: 'virtio-net-pci', mac: '52:54:20:00:00:01', backend: 'wire', backendType: 'dgram' }],
    backends: [{ id: 'wire', type: 'dgram', detail: 'udp=/w/a:/w/b' }],
    blocks: [{ name: 'disk', driver: 'qcow2', file: '/vm/disk.qcow2', backing: '/base.qcow2' }],
    devices: [
      { id: 'rng', type: 'virtio-rng-pci' },
      { id: 'nic', type: 'virtio-net-pci' },
    ],
    displays: [],
    chardevs: [{ label: 'qmp', target: 'unix:/vm/qmp.sock,server=on' }],
  });
});

test.each<[string, Readonly<Record<string, Answer>>]>([
  ['a network list of unknown form', { 'human-monitor-command': ok('some new format') }],
  ['a card that only the object tree knows', { 'human-monitor-command': ok('') }],
  [
    'a card that only the PCI bus knows',
    { 'query-pci': ok([{ devices: Array(2).fill({ class_info: { class: 0x0200 } }) }]) },
  ],
  ['a card that the PCI bus does not know', { 'query-pci': ok([{ devices: [] }]) }],
  ['two addresses for one card', { 'qom-get': ok('52:54:00:00:00:00') }],
  ['block nodes without a driver', { 'query-named-block-nodes': ok([{ 'node-name': 'x' }]) }],
  ['a display without a kind', { 'query-display-options': ok({}) }],
  ['VNC servers of unknown form', { 'query-vnc-servers': ok([{ id: 'default' }]) }],
  ['a SPICE server that does not say whether it is on', { 'query-spice': ok({ host: '127.0.0.1' }) }],
  ['no status', { 'query-status': ok({}) }],
])('%s makes the facts fail', async (_, changes) => {
  await expect(facts(changes)).rejects.toMatchObject({ code: 'DRIVER_QMP_GARBLED' });
});

test('an unplugged card and a backend without a card are both seen', () => {
  const output =
    'nic: index=0,type=nic,model=e1000e,macaddr=52:54:00:00:00:01\r\nup: index=0,type=user,net=10.0.2.0,restrict=off\r\n';
  expect(parseInfoNetwork(output)).toMatchObject([
    { id: 'nic', type: 'nic' },
    { id: 'up', indented: false, type: 'user', detail: 'net=10.0.2.0,restrict=off' },
  ]);
});

test.each(['filters:', ' - gin: type=filter-redirector', 'nic: type=nic', 'hub 0', 'x: index=0,type='])(
  'the line %j is of unknown form',
  (line) => {
    expect(parseInfoNetwork(`${NETWORK}${line}\r\n`)).toBeUndefined();
  },
);

test('every place where its screen can be seen is read', async () => {
  const server = { websocket: false, auth: 'none' };
  const seen = await facts({
    'query-display-options': ok({ type: 'gtk', 'window-close': false }),
    'query-vnc-servers': ok([
      { id: 'default', auth: 'none', server: [{ ...server, family: 'unix', host: '', service: '/vm/screen.sock' }] },
      {
        id: 'more',
        auth: 'vnc',
        server: [{ ...server, family: 'ipv4', host: '0.0.0.0', service: '5901', auth: 'vnc' }],
      },
    ]),
    'query-spice': ok({ enabled: true, migrated: false, host: '127.0.0.1', auth: 'none', 'mouse-mode': 'client' }),
  });
  expect(seen.displays).toEqual([
    { kind: 'gtk', detail: '' },
    { kind: 'vnc', detail: 'unix /vm/screen.sock none' },
    { kind: 'vnc', detail: 'ipv4 0.0.0.0 5901 vnc' },
    { kind: 'spice', detail: '127.0.0.1 none' },
  ]);
});

test('a build without VNC and SPICE has no server of them', async () => {
  const unknownCommand: Answer = ({ id }) =>
    JSON.stringify({ error: { class: 'CommandNotFound', desc: 'The command has not been found' }, id });
  const seen = await facts({ 'query-vnc-servers': unknownCommand, 'query-spice': unknownCommand });
  expect(seen.displays).toEqual([]);
});

test('a server that does not answer what it is asked is not taken for none', async () => {
  const refused: Answer = ({ id }) => JSON.stringify({ error: { class: 'GenericError', desc: 'not now' }, id });
  await expect(facts({ 'query-vnc-servers': refused })).rejects.toMatchObject({ code: 'DRIVER_QMP_REFUSED' });
});
