/**
 * What a QEMU process says it consists of. `info network` is the only place where 7.2 lists every backend, plugged or
 * not, and it is text for people: a line that does not parse makes the facts fail, and the definition `unknown`.
 */
import * as z from 'zod';
import { VmgateError } from '../../core/coded.ts';
import type { BlockNode, MachineFacts, NetworkCard } from '../../core/machine-facts.ts';
import { complaintOf } from '../../host/index.ts';
import { errors } from '../codes.ts';
import type { QmpClient } from './qmp.ts';

const text = z.string().max(4_096);
const status = z.looseObject({ status: text });
const properties = z.array(z.looseObject({ name: text, type: text })).max(4_096);
const blockNodes = z
  .array(z.looseObject({ 'node-name': text, drv: text, file: text, backing_file: text.optional() }))
  .max(256);
const chardevs = z.array(z.looseObject({ label: text, filename: text })).max(256);
const displayOptions = z.looseObject({ type: text });
const vncServers = z
  .array(
    z.looseObject({
      server: z.array(z.looseObject({ family: text, host: text, service: text, auth: text })).max(64),
    }),
  )
  .max(64);
const spice = z.looseObject({ enabled: z.boolean(), host: text.optional(), auth: text.optional() });
const pciDevice = z.looseObject({
  class_info: z.looseObject({ class: z.int() }),
});
const pciBuses = z.array(z.looseObject({ devices: z.array(pciDevice).max(512) })).max(64);
const PCI_CLASS_NETWORK = 0x02;
/** `child<virtio-net-pci>` in qom-list. */
const CHILD = /^child<(.+)>$/;

/** One line of `info network`. */
interface NetClient {
  readonly id: string;
  readonly indented: boolean;
  readonly type: string;
  readonly detail: string;
}

/** @throws DRIVER_QMP_GARBLED when two sources disagree or an answer has not the expected form */
export async function readFacts(qmp: Pick<QmpClient, 'execute'>, name: string): Promise<MachineFacts> {
  const garbled = (why: string): VmgateError =>
    VmgateError.of(errors.DRIVER_QMP_GARBLED, { machine: `work VM ${name}`, why });
  const ask = async <T>(schema: z.ZodType<T>, command: string, args?: object): Promise<T> => {
    const parsed = schema.safeParse(await qmp.execute(command, args));
    if (parsed.success) return parsed.data;
    throw garbled(`${command}: ${complaintOf(parsed.error)}`);
  };
  /** A build without that server does not know the command, and has none. */
  const askServer = async <T>(schema: z.ZodType<T>, command: string): Promise<T | undefined> =>
    ask(schema, command).catch((cause: unknown) => {
      if (isUnknownCommand(cause)) return undefined;
      throw cause;
    });
  const children = async (folder: string) => {
    const listed = await ask(properties, 'qom-list', { path: folder });
    return listed.flatMap((entry) => {
      const type = CHILD.exec(entry.type)?.[1];
      return type === undefined ? [] : [{ id: entry.name, type, path: `${folder}/${entry.name}` }];
    });
  };
  const [{ status: state }, network, blocks, chars, buses, named, anonymous, window, vnc, spiced] = await Promise.all([
    ask(status, 'query-status'),
    ask(text, 'human-monitor-command', { 'command-line': 'info network' }),
    ask(blockNodes, 'query-named-block-nodes', { flat: true }),
    ask(chardevs, 'query-chardev'),
    ask(pciBuses, 'query-pci'),
    children('/machine/peripheral'),
    children('/machine/peripheral-anon'),
    ask(displayOptions, 'query-display-options'),
    askServer(vncServers, 'query-vnc-servers'),
    askServer(spice, 'query-spice'),
  ]);
  const devices = [...named, ...anonymous];
  const clients = parseInfoNetwork(network);
  if (clients === undefined) throw garbled('info network has a line of unknown form');
  const cards = cardsOf(clients);
  await crossCheck();
  return {
    name,
    status: state,
    cards,
    backends: clients.filter(({ type }) => type !== 'nic').map(({ id, type, detail }) => ({ id, type, detail })),
    blocks: blocks.map(
      (node): BlockNode => ({
        name: node['node-name'],
        driver: node.drv,
        file: node.file,
        backing: node.backing_file,
      }),
    ),
    devices: devices.map(({ id, type }) => ({ id, type })),
    displays: [
      ...(window.type === 'none' ? [] : [{ kind: window.type, detail: '' }]),
      ...(vnc ?? []).flatMap(({ server }) => server.map((each) => ({ kind: 'vnc', detail: listening(each) }))),
      ...(spiced?.enabled === true ? [{ kind: 'spice', detail: `${spiced.host ?? ''} ${spiced.auth ?? ''}` }] : []),
    ],
    chardevs: chars.map(({ label, filename }) => ({ label, target: filename })),
  };

  /** The object tree and the PCI bus must know the same cards, or one of them hides something. */
  async function crossCheck(): Promise<void> {
    const objects: string[] = [];
    for (const device of devices) {
      const has = new Set((await ask(properties, 'qom-list', { path: device.path })).map((entry) => entry.name));
      if (!has.has('netdev') || !has.has('mac')) continue;
      const get = (property: string) => ask(text, 'qom-get', { path: device.path, property });
      objects.push([device.id, await get('mac'), await get('netdev')].join(' '));
    }
    const told = new Set(cards.map(({ id, mac, backend }) => [id, mac, backend].join(' ')));
    if (objects.length !== cards.length || objects.some((card) => !told.has(card))) {
      throw garbled('info network and the object tree disagree');
    }
    const onBus = buses.flatMap((bus) => bus.devices).filter((d) => d.class_info.class >> 8 === PCI_CLASS_NETWORK);
    if (onBus.length !== cards.length) throw garbled('info network and the PCI bus disagree');
  }
}

/** QEMU calls the path of a unix socket its service. */
function listening(server: {
  readonly family: string;
  readonly host: string;
  readonly service: string;
  readonly auth: string;
}) {
  const { family, host, service, auth } = server;
  return [family, ...(host === '' ? [] : [host]), service, auth].join(' ');
}

function isUnknownCommand(cause: unknown): boolean {
  if (!VmgateError.is(cause) || cause.code !== errors.DRIVER_QMP_REFUSED.code) return false;
  return (cause.payload as { readonly class?: string }).class === 'CommandNotFound';
}

/**
 * `nic: index=0,type=nic,model=virtio-net-pci,macaddr=..` with its backend on the next line, ` \ wire: index=0,..`;
 * backends without a card stand alone. Undefined when any line has another form.
 */
export function parseInfoNetwork(output: string): readonly NetClient[] | undefined {
  const clients: NetClient[] = [];
  for (const line of output.split(/\r?\n/)) {
    if (line === '') continue;
    const match = /^( \\ )?([^:]+): index=\d+,type=([a-z0-9-]+),?(.*)$/.exec(line);
    if (match?.[2] === undefined || match[3] === undefined) return undefined;
    clients.push({ id: match[2], indented: match[1] !== undefined, type: match[3], detail: match[4] ?? '' });
  }
  return clients;
}

function cardsOf(clients: readonly NetClient[]): NetworkCard[] {
  return clients.flatMap((client, index) => {
    if (client.type !== 'nic') return [];
    const next = clients[index + 1];
    const peer = next?.indented === true ? next : undefined;
    const field = (key: string) => new RegExp(`(?:^|,)${key}=([^,]*)`).exec(client.detail)?.[1] ?? '';
    return [
      {
        id: client.id,
        model: field('model'),
        mac: field('macaddr'),
        backend: peer?.id ?? '',
        backendType: peer?.type ?? '',
      },
    ];
  });
}
