/**
 * From the endpoint as written to one pinned literal address. The only thing vmgate itself says in clear on an untrusted
 * network (P10), and its answer comes from whoever runs that network: so every address is classified before one is used.
 */
import { lookup } from 'node:dns/promises';
import { networkInterfaces } from 'node:os';
import { classifyAddress } from '../core/address-class.ts';
import { VmgateError } from '../core/coded.ts';
import { ipv4ToNumber } from '../core/ipv4.ts';
import { errnoOf } from '../host/index.ts';
import { errors } from './codes.ts';
import { coversAddress, parsePrefix } from './values.ts';

export interface PinnedEndpoint {
  /** Canonical IPv4 text. */
  readonly address: string;
  readonly port: number;
  /** Every address the lookup gave, in its order: journaled beside the pinned one. */
  readonly answered: readonly string[];
}

export interface ResolveRules {
  /** `endpoint: {allowPrivate: true}` of the configuration. */
  readonly allowPrivate: boolean;
}

/** What the machine does; tests and the lab put their own here. */
export interface ResolveMeans {
  /** IPv4 addresses of a name, as getaddrinfo(3) gives them. Rejects when there are none. */
  readonly lookup?: (host: string) => Promise<readonly string[]>;
  /** This machine's IPv4 addresses, each with the prefix it is on: `192.168.1.5/24`. */
  readonly onLink?: () => readonly string[];
  readonly timeoutMs?: number;
  /** The lab's exception: addresses that are dialled whatever their class. Only src/lab makes one. */
  readonly exempt?: (address: string) => boolean;
}

const TIMEOUT_MS = 5_000;

/**
 * Resolves, judges and pins. The first acceptable address wins; when there is none, the first one's defect is reported.
 *
 * @throws VPN_ENDPOINT_UNRESOLVED, VPN_ENDPOINT_LOOKUP_TIMEOUT, VPN_ENDPOINT_FORBIDDEN, VPN_ENDPOINT_PRIVATE
 */
export async function resolveEndpoint(
  endpoint: { readonly host: string; readonly port: number },
  rules: ResolveRules,
  means: ResolveMeans = {},
): Promise<PinnedEndpoint> {
  const { host, port } = endpoint;
  const answered = ipv4ToNumber(host) === undefined ? await ask(host, means) : [host];
  const onLink = (means.onLink ?? hostPrefixes)();
  const defects = answered.map((address) => judge(host, address, rules, onLink, means.exempt));
  const address = answered.find((_, index) => defects[index] === undefined);
  if (address !== undefined) return { address, port, answered };
  throw defects[0] ?? VmgateError.of(errors.VPN_ENDPOINT_UNRESOLVED, { host, reason: 'an empty answer' });
}

/** Why `address` must not be dialled for `host`; undefined when it may. */
function judge(
  host: string,
  address: string,
  { allowPrivate }: ResolveRules,
  onLink: readonly string[],
  exempt?: (address: string) => boolean,
): VmgateError | undefined {
  if (exempt?.(address) === true) return undefined;
  const { admission, meaning } = classifyAddress(address);
  if (admission === 'forbidden') return VmgateError.of(errors.VPN_ENDPOINT_FORBIDDEN, { host, address, meaning });
  // slirp would hand the packet to whatever listens on this host, allowPrivate or not.
  if (onLink.some((cidr) => cidr.split('/')[0] === address))
    return VmgateError.of(errors.VPN_ENDPOINT_FORBIDDEN, { host, address, meaning: 'an address of this machine' });
  if (allowPrivate) return undefined;
  if (admission === 'permission') return VmgateError.of(errors.VPN_ENDPOINT_PRIVATE, { host, address, meaning });
  const prefix = onLink.find((candidate) => isWithin(candidate, address));
  if (prefix === undefined) return undefined;
  // A public address that the local network claims as its own: TunnelCrack's LocalNet trick.
  return VmgateError.of(errors.VPN_ENDPOINT_PRIVATE, { host, address, meaning: `this network says it is ${prefix}` });
}

async function ask(
  host: string,
  { lookup: find = lookupIpv4, timeoutMs = TIMEOUT_MS }: ResolveMeans,
): Promise<readonly string[]> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    const seconds = timeoutMs / 1_000;
    timer = setTimeout(() => reject(VmgateError.of(errors.VPN_ENDPOINT_LOOKUP_TIMEOUT, { host, seconds })), timeoutMs);
  });
  try {
    const addresses = await Promise.race([find(host), tooLate]);
    return [...new Set(addresses)].slice(0, MAX_ANSWERS);
  } catch (cause) {
    if (VmgateError.is(cause)) throw cause;
    const reason = errnoOf(cause) ?? 'the lookup failed';
    throw VmgateError.of(errors.VPN_ENDPOINT_UNRESOLVED, { host, reason }, { cause });
  } finally {
    clearTimeout(timer);
  }
}

/** Of a hostile answer's thousands. */
const MAX_ANSWERS = 32;

async function lookupIpv4(host: string): Promise<readonly string[]> {
  const found = await lookup(host, { family: 4, all: true, order: 'verbatim' });
  return found.map(({ address }) => address);
}

function hostPrefixes(): readonly string[] {
  const cards = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return cards.flatMap(({ cidr, family }) => (family === 'IPv4' && cidr !== null ? [cidr] : []));
}

function isWithin(cidr: string, address: string): boolean {
  const prefix = parsePrefix(cidr);
  // 0.0.0.0/0 would be a point-to-point card's way to say "everything"; it says nothing about who is near.
  return prefix !== undefined && prefix.length > 0 && coversAddress([prefix], address);
}
