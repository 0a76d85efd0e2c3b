/**
 * What kind of IPv4 address a VPN endpoint has, and whether one may be dialled at all.
 *
 * On the default uplink an endpoint address decides what a packet reaches: slirp hands its own network, loopback, the
 * unspecified address and broadcast to services of the *host*. Whoever answers the lookup of the endpoint's name (a
 * hostile resolver) would otherwise aim the gateway at the host.
 */
import { ipv4Range, ipv4ToNumber } from './ipv4.ts';

export type AddressClass =
  | 'unspecified'
  | 'loopback'
  | 'link-local'
  | 'multicast'
  | 'broadcast'
  | 'documentation'
  | 'reserved'
  | 'slirp'
  | 'private'
  | 'shared'
  | 'global';

/** `permission`: only where the configuration says `endpoint: {allowPrivate: true}`. */
type Admission = 'admitted' | 'permission' | 'forbidden';

interface Range {
  readonly class: AddressClass;
  readonly prefix: string;
  /** Where the meaning of the range is written down. */
  readonly source: string;
}

/** The first match counts. IANA IPv4 special-purpose address registry, plus slirp's own network. */
const RANGES: readonly Range[] = [
  { class: 'unspecified', prefix: '0.0.0.0/8', source: '"this network", RFC 1122' },
  { class: 'slirp', prefix: '10.0.2.0/24', source: "QEMU's user network, where the host itself answers" },
  { class: 'private', prefix: '10.0.0.0/8', source: 'private network, RFC 1918' },
  { class: 'shared', prefix: '100.64.0.0/10', source: "a provider's shared network, RFC 6598" },
  { class: 'loopback', prefix: '127.0.0.0/8', source: 'this machine itself, RFC 1122' },
  { class: 'link-local', prefix: '169.254.0.0/16', source: 'link-local, RFC 3927' },
  { class: 'private', prefix: '172.16.0.0/12', source: 'private network, RFC 1918' },
  { class: 'reserved', prefix: '192.0.0.0/24', source: 'protocol assignments, RFC 6890' },
  { class: 'documentation', prefix: '192.0.2.0/24', source: 'documentation, RFC 5737' },
  { class: 'reserved', prefix: '192.88.99.0/24', source: 'retired 6to4 relays, RFC 7526' },
  { class: 'private', prefix: '192.168.0.0/16', source: 'private network, RFC 1918' },
  { class: 'reserved', prefix: '198.18.0.0/15', source: 'benchmarking and proxies with made-up addresses, RFC 2544' },
  { class: 'documentation', prefix: '198.51.100.0/24', source: 'documentation, RFC 5737' },
  { class: 'documentation', prefix: '203.0.113.0/24', source: 'documentation, RFC 5737' },
  { class: 'multicast', prefix: '224.0.0.0/4', source: 'multicast, RFC 5771' },
  { class: 'broadcast', prefix: '255.255.255.255/32', source: 'broadcast, RFC 919' },
  { class: 'reserved', prefix: '240.0.0.0/4', source: 'reserved, RFC 1112' },
];

export interface ClassifiedAddress {
  readonly class: AddressClass;
  /** One phrase for people: what the range is for and which document says so. */
  readonly meaning: string;
  readonly admission: Admission;
}

const GLOBAL: ClassifiedAddress = { class: 'global', meaning: 'public address', admission: 'admitted' };

/**
 * Classifies canonical IPv4 text. Anything that is not canonical (`127.1`, `010.0.0.1`, IPv6, empty) is `reserved` and
 * forbidden: what cannot be read must not be dialled.
 */
export function classifyAddress(address: string): ClassifiedAddress {
  const value = ipv4ToNumber(address);
  if (value === undefined) return { class: 'reserved', meaning: 'not an IPv4 address', admission: 'forbidden' };
  const range = RANGES.find(({ prefix }) => contains(prefix, value));
  if (range === undefined) return GLOBAL;
  const permitted = range.class === 'private' || range.class === 'shared';
  return { class: range.class, meaning: range.source, admission: permitted ? 'permission' : 'forbidden' };
}

function contains(prefix: string, value: number): boolean {
  const range = ipv4Range(prefix);
  return range !== undefined && range.first <= value && value <= range.last;
}
