import { VmgateError } from '../../core/coded.ts';
import type { Place } from '../../proxy/index.ts';
import { errors } from '../codes.ts';
import { type Command, type Context, type Input, text } from '../command.ts';
import { GATE_OPTION, gateOf, requireSupervisor, requireVm } from '../gate-access.ts';
import { noticesOf, placeFields, portNumber, SOCKET_OPTION, socketAt, streamFrom, untilOver } from '../listening.ts';
import { requireReachable } from '../reachable.ts';

export const forward: Command = {
  name: 'forward',
  group: 'More',
  about: 'a local port that leads to a work VM',
  kind: 'action',
  args: [
    { name: 'NAME', about: 'a work VM that runs behind an open gate' },
    { name: 'PORTS', about: 'HOST:GUEST; HOST 0: a free port of 127.0.0.1; with --socket GUEST alone' },
  ],
  options: [GATE_OPTION, SOCKET_OPTION],
  notes: [
    'By the control channel: the host still has no address on the work link. On Linux a program of another user of this',
    'machine is turned away; elsewhere --socket keeps others out.',
    'When the gate closes, every connection is cut and none is made until it is open again. Ends with the VM.',
  ],
  examples: [
    'vmgate forward workvm 8080:80',
    'vmgate forward workvm 0:5432 --json | head -n 1 | jq .port',
    'vmgate forward workvm 5432 --socket ~/.vmgate/db.sock',
  ],
  run: async (context, input) => {
    const [name = '', ports = ''] = input.args;
    const { place, guest } = readPorts(context, input, ports);
    const gate = await gateOf(context, input);
    await requireVm(gate, name);
    const client = await requireSupervisor(gate);
    const notice = noticesOf(context);
    try {
      await requireReachable(gate, client, name);
      const { canTellOwners, startForward } = await import('../../proxy/index.ts');
      const listener = await startForward({
        place,
        open: () => streamFrom(gate, { verb: 'reach', name, port: guest }),
        onRefused: (cause) => notice(VmgateError.is(cause) ? `${cause.code}: ${cause.what}` : String(cause)),
        onStranger: () => notice('a program of another user was turned away'),
      });
      try {
        show(context, listener.place, name, guest);
        if (listener.place.kind === 'port' && !canTellOwners) {
          context.out.progress('any user of this machine can connect to it; --socket keeps others out');
        }
        return await untilOver(context, gate, client, { verb: 'forward', name });
      } finally {
        listener.close();
      }
    } finally {
      client.close();
    }
  },
};

/** @throws CLI_USAGE */
function readPorts(context: Context, input: Input, written: string): { readonly place: Place; readonly guest: number } {
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

function show(context: Context, place: Place, name: string, guest: number): void {
  const where = place.kind === 'port' ? `127.0.0.1:${place.port}` : place.path;
  context.out.result({ ...placeFields(place), name, guest }, `${where} leads to port ${guest} of ${name}`);
  context.out.progress('ready while the gate is open; Ctrl-C ends it');
}
