import { VmgateError } from '../../core/coded.ts';
import type { Place } from '../../proxy/index.ts';
import { errors } from '../codes.ts';
import { type Command, type Context, type Input, text } from '../command.ts';
import { GATE_OPTION, type Gate, gateOf, requireSupervisor, requireVm } from '../gate-access.ts';
import { noticesOf, placeFields, portNumber, SOCKET_OPTION, socketAt, streamFrom, untilOver } from '../listening.ts';
import { requireReachable } from '../reachable.ts';

export const forward: Command = {
  name: 'forward',
  group: 'More',
  about: 'a local port that leads to a work VM',
  kind: 'action',
  args: [
    { name: 'NAME', about: 'a work VM that runs behind an open gate' },
    {
      name: 'PORTS',
      optional: true,
      about: 'HOST:GUEST; HOST 0: a free port of 127.0.0.1; with --socket GUEST alone; as ports: says unless typed',
    },
  ],
  options: [GATE_OPTION, SOCKET_OPTION],
  notes: [
    'By the control channel: the host still has no address on the work link. On Linux a program of another user of this',
    'machine is turned away; elsewhere --socket keeps others out.',
    'When the gate closes, every connection is cut and none is made until it is open again. Ends with the VM.',
  ],
  examples: [
    'vmgate forward workvm 8080:80',
    'vmgate forward workvm',
    'vmgate forward workvm 0:5432 --json | head -n 1 | jq .port',
    'vmgate forward workvm 5432 --socket ~/.vmgate/db.sock',
  ],
  run: async (context, input) => {
    const [name = '', written] = input.args;
    const typed = written === undefined ? undefined : [readPorts(context, input, written)];
    const gate = await gateOf(context, input);
    await requireVm(gate, name);
    const ways = typed ?? namedPorts(gate, input, name);
    const client = await requireSupervisor(gate);
    const listeners: Listener[] = [];
    try {
      await requireReachable(gate, client, name);
      for (const way of ways) listeners.push(await listen(context, gate, name, way));
      show(context, name, listeners);
      return await untilOver(context, gate, client, { verb: 'forward', name });
    } finally {
      for (const { close } of listeners) close();
      client.close();
    }
  },
};

interface Way {
  readonly place: Place;
  readonly guest: number;
}

interface Listener extends Way {
  readonly close: () => void;
}

async function listen(context: Context, gate: Gate, name: string, { place, guest }: Way): Promise<Listener> {
  const { canTellOwners, startForward } = await import('../../proxy/index.ts');
  const notice = noticesOf(context);
  const listener = await startForward({
    place,
    open: () => streamFrom(gate, { verb: 'reach', name, port: guest }),
    onRefused: (cause) => notice(VmgateError.is(cause) ? `${cause.code}: ${cause.what}` : String(cause)),
    onStranger: () => notice('a program of another user was turned away'),
  });
  if (listener.place.kind === 'port' && !canTellOwners) {
    context.out.progress('any user of this machine can connect to it; --socket keeps others out');
  }
  return { place: listener.place, guest, close: () => listener.close() };
}

/** What vmgate.yaml or its template says. @throws CLI_USAGE */
function namedPorts({ loaded }: Gate, input: Input, name: string): readonly Way[] {
  const { ports = [] } = loaded?.config.work.find((vm) => vm.name === name) ?? {};
  if (ports.length > 0 && text(input, 'socket') === undefined) {
    return ports.map(({ host, guest }) => ({ place: { kind: 'port', port: host }, guest }));
  }
  const message = ports.length > 0 ? '--socket leads to one port' : `${name} has no ports in vmgate.yaml`;
  throw VmgateError.of(errors.CLI_USAGE, {
    message,
    hint: 'say which: HOST:GUEST, for example 8080:80',
    command: 'forward',
  });
}

/** @throws CLI_USAGE */
function readPorts(context: Context, input: Input, written: string): Way {
  const socket = text(input, 'socket');
  if (socket !== undefined) {
    return { place: socketAt(context, socket), guest: portNumber('GUEST', written, 1) };
  }
  const [host, guest, ...more] = written.split(':');
  if (host === undefined || guest === undefined || more.length > 0) {
    const message = `${JSON.stringify(written.slice(0, 40))} is not HOST:GUEST`;
    throw VmgateError.of(errors.CLI_USAGE, { message, hint: 'two ports, for example 8080:80', command: 'forward' });
  }
  return { place: { kind: 'port', port: portNumber('HOST', host, 0) }, guest: portNumber('GUEST', guest, 1) };
}

function show({ out }: Context, name: string, listeners: readonly Listener[]): void {
  const all = listeners.map(({ place, guest }) => ({ ...placeFields(place), name, guest }));
  const lines = listeners.map(({ place, guest }) => {
    const where = place.kind === 'port' ? `127.0.0.1:${place.port}` : place.path;
    return `${where} leads to port ${guest} of ${name}`;
  });
  const [only, ...more] = all;
  out.result(more.length === 0 ? (only ?? {}) : { name, ports: all }, lines.join('\n'));
  out.progress('ready while the gate is open; Ctrl-C ends it');
}
