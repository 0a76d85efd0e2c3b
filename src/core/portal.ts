/**
 * Portals of local networks: the page that a network puts before everything until somebody signs in. What tells that one
 * is there, and where the way through it may lead. All of it is the network's word, and a network may say anything: so
 * it only ever decides whether somebody is asked to sign in, never whether the gate opens.
 */
import * as z from 'zod';
import { type AddressClass, classifyAddress } from './address-class.ts';
import { within } from './checks/prefix.ts';

/** Where a portal is; `url` undefined: it is one, and does not say where. */
export interface Portal {
  readonly url: string | undefined;
}

/** Longer ones are no page that a person reads. */
const MAX_URL = 2_048;

/** The URL, if a web page can be behind it; undefined for any other scheme, and for one that carries a password. */
export function readPortalUrl(text: string): URL | undefined {
  if (text.length > MAX_URL || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  const isWeb = url.protocol === 'http:' || url.protocol === 'https:';
  return isWeb && url.hostname !== '' && url.username === '' && url.password === '' ? url : undefined;
}

export interface ProbeAnswer {
  readonly status: number;
  /** As it came; may be relative. */
  readonly location: string | undefined;
  readonly hasBody: boolean;
}

/**
 * What an answer to the probe says. The probe's server answers 204 and nothing else (as Android's and Chromium's do);
 * another page in its place is a portal's, and so is a redirect, or 511 (RFC 6585). An error of a server is neither.
 */
export function judgeProbe(probe: string, { status, location, hasBody }: ProbeAnswer): Portal | undefined {
  if (status >= 300 && status < 400 && location !== undefined) {
    return { url: URL.canParse(location, probe) ? readPortalUrl(new URL(location, probe).href)?.href : undefined };
  }
  return status === 511 || (status >= 200 && status < 300 && status !== 204 && hasBody) ? { url: probe } : undefined;
}

const captive = z.object({ captive: z.boolean(), 'user-portal-url': z.string().max(MAX_URL).optional() });

/** What a network's own API says (RFC 8908); undefined for one that is not captive, or makes no sense. */
export function judgeApi(answer: unknown): Portal | undefined {
  const read = captive.safeParse(answer);
  if (!read.success || !read.data.captive) return undefined;
  return { url: readPortalUrl(read.data['user-portal-url'] ?? '')?.href };
}

const NOWHERE: readonly AddressClass[] = [
  ...(['unspecified', 'loopback', 'link-local', 'multicast', 'broadcast', 'reserved', 'documentation'] as const),
];

export interface PortalSurroundings {
  /** Addresses of this machine. */
  readonly ofThisMachine: readonly string[];
  /** Prefixes that mean something inside the gate. */
  readonly inside: readonly string[];
}

/**
 * Why the way to a portal does not lead to `address`: `never`, or `ask` where a person has to say so. Most portals have a
 * private address, and so have this machine's containers and its neighbours' printers: which of them a name means is what
 * the hostile network says.
 */
export function objectionToPortal(
  address: string,
  { ofThisMachine, inside }: PortalSurroundings,
): { readonly kind: 'never' | 'ask'; readonly why: string } | undefined {
  const { class: kind, meaning } = classifyAddress(address);
  if (NOWHERE.includes(kind)) return { kind: 'never', why: `${address} is no address of another machine: ${meaning}` };
  if (kind === 'slirp') return { kind: 'never', why: `${address} is this machine: ${meaning}` };
  if (ofThisMachine.includes(address)) return { kind: 'never', why: `${address} is an address of this machine` };
  if (inside.some((prefix) => within(address, prefix))) {
    return { kind: 'never', why: `${address} is in use inside the gate` };
  }
  if (kind === 'private' || kind === 'shared') return { kind: 'ask', why: `${address} is private: ${meaning}` };
  return undefined;
}
