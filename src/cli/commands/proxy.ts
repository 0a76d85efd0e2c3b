import type { Credential, Place } from '../../proxy/index.ts';
import { type Command, type Context, type Input, text } from '../command.ts';
import { GATE_OPTION, gateOf, requireSupervisor } from '../gate-access.ts';
import {
  connectThrough,
  noticesOf,
  placeFields,
  portNumber,
  requireOpen,
  SOCKET_OPTION,
  socketAt,
  untilOver,
} from '../listening.ts';
import type { Ways } from '../run-through.ts';

export const proxy: Command = {
  name: 'proxy',
  group: 'More',
  about: 'your programs, through the tunnel',
  kind: 'action',
  args: [
    {
      name: 'CMD',
      optional: true,
      rest: true,
      about: 'a command that is told of the proxy, and ends it; else until Ctrl-C',
    },
  ],
  options: [
    GATE_OPTION,
    { flags: '--port <PORT>', about: 'a port of 127.0.0.1; a free one unless said' },
    SOCKET_OPTION,
  ],
  notes: [
    'SOCKS5 and HTTP CONNECT, with a password of this run. Names are looked up inside the tunnel: say socks5h.',
    'When the gate closes, every connection is cut and none is made until it is open again. Private addresses are',
    'refused unless the VPN profile names their network.',
    'CMD gets ALL_PROXY, HTTPS_PROXY and HTTP_PROXY. A program that does not read them goes past the tunnel, as ever:',
    'only a work VM cannot.',
  ],
  examples: [
    'vmgate proxy -- curl https://example.org',
    'vmgate proxy --port 1080   and put what it prints into a browser',
    'vmgate proxy --socket ~/.vmgate/proxy.sock',
  ],
  run: async (context, input) => {
    const place = placeOf(context, input);
    const command = input.args[0] === '--' ? input.args.slice(1) : input.args;
    const gate = await gateOf(context, input);
    const client = await requireSupervisor(gate);
    const { makeCredential, startProxy } = await import('../../proxy/index.ts');
    const credential = place.kind === 'port' ? makeCredential() : undefined;
    const notice = noticesOf(context);
    try {
      await requireOpen(gate, client);
      const listener = await startProxy({
        place,
        credential,
        open: (target) => connectThrough(gate, target, 'vmgate proxy'),
        onRefused: (target, { code, what }) => notice(`${target}: ${code}: ${what}`),
        onStranger: () => notice('a program of another user was turned away'),
      });
      try {
        const ways = waysTo(listener.place, credential);
        const over = untilOver(context, gate, client, { verb: 'proxy' });
        if (command.length === 0) {
          show(context, listener.place, credential, ways);
          return await over;
        }
        // Told by the command's own connections, which are refused then.
        over.catch(() => undefined);
        const { runThrough } = await import('../run-through.ts');
        return await runThrough(command, ways);
      } finally {
        listener.close();
      }
    } finally {
      client.close();
    }
  },
};

function placeOf(context: Context, input: Input): Place {
  const socket = text(input, 'socket');
  if (socket !== undefined) return socketAt(context, socket);
  return { kind: 'port', port: portNumber('--port', text(input, 'port') ?? '0', 0) };
}

function waysTo(place: Place, credential: Credential | undefined): Ways {
  // curl's form for a socket, and nobody else's yet.
  if (place.kind === 'socket') return { socks: `socks5h://localhost${encodeURI(place.path)}`, http: undefined };
  const at = `${credential?.user}:${credential?.password}@127.0.0.1:${place.port}`;
  return { socks: `socks5h://${at}`, http: `http://${at}` };
}

function show(context: Context, place: Place, credential: Credential | undefined, { socks, http }: Ways): void {
  context.out.result(
    { ...placeFields(place), credential: credential ?? null, socks, http: http ?? null },
    http === undefined ? `SOCKS5  ${socks}` : `SOCKS5  ${socks}\nHTTP    ${http}`,
  );
  context.out.progress('ready while the gate is open; Ctrl-C ends it');
}
