/** Codes of portals. */
import { error, errorCodes, event, eventCodes } from '../core/coded.ts';

const environment = { source: 'environment' } as const;
const user = { source: 'user' } as const;

export const errors = errorCodes({
  PORTAL_IN_THE_WAY: error<{ url: string }>({
    exit: 4,
    ...environment,
    what: ({ url }) =>
      `a portal of the local network is in the way${url === '' ? '' : ` (${url})`}: it lets nothing through before somebody signs in`,
    remedy: () =>
      "vmgate portal opens its page, contained; or sign in with this machine's own browser, and the gate goes on by itself",
    sample: { url: 'http://login.hotel.example/' },
  }),
  PORTAL_NO_SIGN_IN: error<{ gate: string; phase: string; why: string }>({
    exit: 4,
    ...user,
    what: ({ gate, phase, why }) =>
      `nobody is let through to a portal: gate ${gate} is ${phase}${why === '' ? '' : `, ${why}`}`,
    remedy: ({ phase }) =>
      phase === 'open'
        ? 'there is no portal in the way: the tunnel works'
        : 'vmgate up first; vmgate status shows how far it is',
    sample: { gate: 'default', phase: 'open', why: '' },
  }),
  PORTAL_NO_START: error<Record<string, never>>({
    exit: 2,
    ...user,
    what: () => 'nothing says where the portal is: none was found, and portal.probe is off',
    remedy: () => 'say where to begin, any http page will do: vmgate portal http://example.com/',
    sample: {},
  }),
  PORTAL_BAD_URL: error<{ url: string }>({
    exit: 2,
    ...user,
    what: ({ url }) => `${JSON.stringify(url.slice(0, 120))} is no page of a portal`,
    remedy: () => 'give an http or https URL without user and password, for example: vmgate portal http://example.com/',
    sample: { url: 'ftp://login.hotel.example/' },
  }),
  PORTAL_TIME_OVER: error<{ minutes: number }>({
    exit: 4,
    ...environment,
    what: ({ minutes }) => `nobody is let through to a portal for longer than ${minutes} minutes, and they are over`,
    remedy: () => 'vmgate portal once more; the gate tries by itself meanwhile',
    sample: { minutes: 5 },
  }),
  PORTAL_BROWSER_FAILED: error<{ program: string; why: string }>({
    exit: 3,
    ...environment,
    what: ({ program, why }) => `the browser ${JSON.stringify(program)} ${why}`,
    remedy: () =>
      'install Chromium, or use any program that knows SOCKS5: vmgate portal --print; whoever was let through is no longer',
    sample: { program: '/usr/bin/chromium', why: 'cannot be run' },
  }),
  PORTAL_NAME_HELD: error<{ host: string }>({
    exit: 4,
    ...user,
    what: ({ host }) => `${host} is held back: the portal did not lead there by itself`,
    remedy: ({ host }) => `if the page needs it: vmgate portal --allow ${host}, or its key while vmgate portal runs`,
    sample: { host: 'assets.hotel.example' },
  }),
  PORTAL_HOST_REFUSED: error<{ host: string; why: string }>({
    exit: 4,
    ...environment,
    what: ({ host, why }) => `${host} is not let through to: ${why}`,
    remedy: () => "if the portal cannot do without it, sign in with this machine's own browser",
    sample: {
      host: 'login.hotel.example',
      why: '127.0.0.1 is no address of another machine: this machine itself, RFC 1122',
    },
  }),
});

export const events = eventCodes({
  /** The way is open: `url` is where to begin. */
  PORTAL_READY: event<{ url: string; seconds: number }>({
    level: 'info',
    text: ({ url, seconds }) => `let through to the portal for at most ${seconds} s, from ${url}`,
    sample: { url: 'http://login.hotel.example/', seconds: 300 },
  }),
  PORTAL_ALLOWED: event<{ host: string; addresses: readonly string[]; by: 'redirect' | 'person' }>({
    level: 'info',
    text: ({ host, addresses, by }) =>
      `let through to ${host} (${addresses.join(', ')})${by === 'redirect' ? ': the portal leads there' : ''}`,
    sample: { host: 'login.hotel.example', addresses: ['203.0.113.40'], by: 'redirect' },
  }),
  /** Once for each host. */
  PORTAL_HELD: event<{ host: string; why: string }>({
    level: 'warn',
    text: ({ host, why }) => `held back: ${host}, ${why}`,
    sample: { host: 'assets.hotel.example', why: 'the portal did not lead there by itself' },
  }),
  PORTAL_SIGNED_IN: event<Record<string, never>>({
    level: 'info',
    text: () => 'the portal is gone: the gate connects now',
    sample: {},
  }),
});
