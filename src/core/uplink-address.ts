/**
 * What a local network's DHCP may give the gateway. The answer is the network's word, passed on by the gateway: both are
 * hostile. It becomes the source address and the neighbour that the guard lets frames go by, so it must at least be a
 * host's address, with a router beside it, that means nothing inside. Routes, names and resolvers that come with it are
 * never asked for: they are how TunnelVision and its kin work.
 */
import { type AddressClass, classifyAddress } from './address-class.ts';
import { within } from './checks/prefix.ts';
import { ipv4Range, ipv4ToNumber, numberToIpv4 } from './ipv4.ts';

export interface OfferedAddress {
  readonly address: string;
  readonly prefixLength: number;
  readonly nextHop: string;
}

/** A public address is fine: no route makes its neighbours local (TunnelCrack's LocalNet). */
const NO_HOST: readonly AddressClass[] = [
  ...(['unspecified', 'loopback', 'link-local', 'multicast', 'broadcast', 'reserved'] as const),
];
/** Shorter, every address would be on the link; longer, there is no room for a router. */
const PREFIXES = { shortest: 8, longest: 31 } as const;

/** Why the gateway cannot use it; undefined: it can. `taken`: prefixes of the links and addresses inside the tunnel. */
export function refuseOffer(offer: OfferedAddress, taken: readonly string[]): string | undefined {
  const { address, prefixLength, nextHop } = offer;
  for (const [what, text] of [
    ['the address', address],
    ['the router', nextHop],
  ] as const) {
    const { class: kind, meaning } = classifyAddress(text);
    if (NO_HOST.includes(kind)) return `${what} ${text} is no host's (${meaning})`;
    if (taken.some((prefix) => within(text, prefix))) return `${what} ${text} is in use inside the gate`;
  }
  if (prefixLength < PREFIXES.shortest || prefixLength > PREFIXES.longest) return `a prefix of ${prefixLength} bits`;
  if (address === nextHop) return `the address ${address} is the router's too`;
  if (!within(nextHop, `${address}/${prefixLength}`)) {
    return `the router ${nextHop} is not in the network of ${address}/${prefixLength}`;
  }
  const range = ipv4Range(`${address}/${prefixLength}`);
  if (range === undefined) return `${address} is no address`;
  const isEnd = (text: string) => [range.first, range.last].includes(ipv4ToNumber(text) ?? range.first);
  // A prefix of 31 bits has two hosts and no ends (RFC 3021).
  if (prefixLength < 31 && (isEnd(address) || isEnd(nextHop))) {
    const network = `${numberToIpv4(range.first)}/${prefixLength}`;
    return `${isEnd(address) ? address : nextHop} is an end of the network ${network}`;
  }
  return undefined;
}
