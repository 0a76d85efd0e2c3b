import { setTimeout as sleep } from 'node:timers/promises';
import type { CodedEvent } from '../../core/coded.ts';
import { VmgateError } from '../../core/coded.ts';
import { readPortalUrl } from '../../core/portal.ts';
import { type Command, type Context, flag, type Input, list, text } from '../command.ts';
import { GATE_OPTION, type Gate, gateOf } from '../gate-access.ts';
import { requireUp } from '../gate-up.ts';
import { noticesOf, streamFrom } from '../listening.ts';
import { HeldHosts } from '../portal-keys.ts';
import { PortalView, type PortalWays } from '../portal-view.ts';

/** An attempt under way ends within this; the gate waits for the next one then. */
const PATIENCE_MS = 45_000;
const AGAIN_MS = 200;

export const portal: Command = {
  name: 'portal',
  group: 'More',
  about: "sign in to a network's portal, contained",
  kind: 'action',
  args: [{ name: 'URL', optional: true, about: 'where to begin; where the portal was found unless said' }],
  options: [
    GATE_OPTION,
    { flags: '--allow <HOST>', about: 'let the portal lead there too, by name or address', repeat: true },
    { flags: '--browser <FILE>', about: 'a Chromium; one that is installed unless said' },
    { flags: '--print', about: 'no browser: print a SOCKS address with a password of this run' },
  ],
  notes: [
    'The VPN is stopped and work VMs stay cut off meanwhile. The gateway lets out, in clear: TCP to ports 80 and 443 of',
    'the hosts that the portal redirects to, and questions about their names to one resolver. Any other host is listed as',
    'it is asked for, and let through to by its key or --allow; one with a private address always waits for that.',
    'Ends once the portal lets everything through, with the browser, with Ctrl-C, and after 5 minutes whatever happens.',
  ],
  examples: [
    'vmgate portal',
    'vmgate portal --allow assets.hotel.example',
    'vmgate portal --print --json | head -n 1 | jq -r .socks',
    'vmgate portal http://192.168.1.1/ --allow 192.168.1.1',
  ],
  run: async (context, input) => {
    const url = input.args[0] ?? null;
    if (url !== null && readPortalUrl(url) === undefined) {
      const { errors } = await import('../../portal/index.ts');
      throw VmgateError.of(errors.PORTAL_BAD_URL, { url });
    }
    const gate = await gateOf(context, input);
    const client = await requireUp(gate, 'gateway to let you through to a portal');
    const ways = await openWays(context, input, gate);
    const view = new PortalView(context, ways);
    const keys = new HeldHosts(context, (host) => void allow(context, gate, host));
    const onEvent = (event: CodedEvent) => {
      view.onEvent(event);
      keys.onEvent(event);
    };
    try {
      const left = AbortSignal.any([context.interrupted, view.closed]);
      const how = await letThrough(client, { url, allow: list(input, 'allow') }, onEvent, left);
      return view.end(how);
    } finally {
      keys.close();
      await view.close();
      ways.listener.close();
      client.close();
    }
  },
};

/** While the gate tries to connect nobody is let through: soon it waits again. */
async function letThrough(
  client: Awaited<ReturnType<typeof requireUp>>,
  asked: { readonly url: string | null; readonly allow: readonly string[] },
  onEvent: (event: CodedEvent) => void,
  signal: AbortSignal,
): Promise<string> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      const result = await client.ask({ verb: 'portal', url: asked.url, allow: [...asked.allow] }, { onEvent, signal });
      return (result as { readonly how: string }).how;
    } catch (cause) {
      if (signal.aborted) return 'left';
      if (!isBusy(cause) || performance.now() > deadline) throw cause;
      await sleep(AGAIN_MS);
    }
  }
}

const PASSING: readonly unknown[] = ['booting', 'addressing', 'connecting', 'verifying', 'closing'];

function isBusy(cause: unknown): boolean {
  if (!VmgateError.is(cause) || cause.code !== 'PORTAL_NO_SIGN_IN') return false;
  const { payload } = cause.serialize();
  return PASSING.includes((payload as { readonly phase?: unknown } | null)?.phase);
}

/**
 * Where programs connect. A browser cannot give a password to SOCKS: for it the kernel tells whose program it is, and
 * where the kernel does not, there is no browser.
 */
async function openWays(context: Context, input: Input, gate: Gate): Promise<PortalWays> {
  const { canTellOwners, makeCredential, startProxy } = await import('../../proxy/index.ts');
  const { findBrowser } = await import('../../portal/index.ts');
  const said = text(input, 'browser');
  const { DISPLAY, WAYLAND_DISPLAY } = context.outside.display;
  const hasDisplay = (DISPLAY ?? WAYLAND_DISPLAY) !== undefined;
  const found = said ?? (hasDisplay ? findBrowser() : undefined);
  const browser = flag(input, 'print') || !canTellOwners ? undefined : found;
  const credential = browser === undefined ? makeCredential() : undefined;
  const notice = noticesOf(context);
  const listener = await startProxy({
    place: { kind: 'port', port: 0 },
    credential,
    open: (target) => streamFrom(gate, { verb: 'portal-connect', ...target }),
    onRefused: (target, { code, what }) => {
      if (code !== 'PORTAL_NAME_HELD') notice(`${target}: ${code}: ${what}`);
    },
    onStranger: () => notice('a program of another user was turned away'),
  });
  const port = listener.place.kind === 'port' ? listener.place.port : 0;
  const login = credential === undefined ? '' : `${credential.user}:${credential.password}@`;
  return { listener, port, browser, credential, socks: `socks5h://${login}127.0.0.1:${port}` };
}

async function allow(context: Context, gate: Gate, host: string): Promise<void> {
  const { SupervisorClient } = await import('../../supervisor/index.ts');
  const client = await SupervisorClient.connect(gate.name, gate.layout);
  try {
    await client?.ask({ verb: 'portal-allow', host });
    context.out.progress('load the page again');
  } catch (cause) {
    context.out.progress(VmgateError.is(cause) ? `${cause.code}: ${cause.what}` : String(cause));
  } finally {
    client?.close();
  }
}
