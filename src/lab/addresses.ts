/**
 * Who is who in the lab; provision/lab/rootfs/usr/lib/lab/addresses has the same for the guest. All from the blocks for
 * documentation (RFC 5737), so that a leak out of the lab could reach nobody.
 */
import { USER_NETWORK } from '../core/link-plan.ts';

export const LAB = {
  /** The untrusted network's router: next hop, DHCP and DNS. */
  router: '192.168.77.1',
  /** What clients on the untrusted network get, 24 bits. A request in clear is logged with such a source. */
  clearNetwork: '192.168.77.0/24',
  /** The VPN server as the untrusted network sees it. */
  endpoint: { address: '198.51.100.10', port: 51_820 },
  /** A second VPN server, which only the first one's clients reach; its name is known to the first one's resolver alone. */
  second: {
    ...{ address: '198.51.100.20', port: 51_820, name: 'second.lab.example' },
    ...{ inside: '10.67.0.1', client: '10.67.0.2', exit: '203.0.113.9' },
  },
  /** Somebody else on the way, who gets hold of the server's replies when told to (leak case 62). */
  stranger: '198.51.100.66',
  /** The VPN server inside the tunnel: resolver, and a "what is my address" over HTTP. */
  inside: '10.66.0.1',
  /** The client's address inside the tunnel. */
  client: '10.66.0.2',
  /** Where the VPN's clients come out, unless told otherwise. */
  exit: '203.0.113.7',
  /** Answers "what is my address"; any other address of the lab's internet does too. */
  site: '203.0.113.80',
  /** Its name inside the tunnel, where no name outside lab.example exists. */
  siteName: 'ip.lab.example',
  /** Has an IPv6 address and no other (leak case 7). */
  v6OnlyName: 'v6only.lab.example',
  /** Over IPv6, which only the VPN server, where it is told to, and what is behind it have (RFC 4193, RFC 3849). */
  ipv6: {
    /** The VPN server inside the tunnel. */
    inside: 'fd66:6c61:62::1',
    /** The client's address inside the tunnel. */
    client: 'fd66:6c61:62::2',
    /** Where the VPN's clients come out, as the site writes it. */
    exit: '2001:0db8:000e:0000:0000:0000:0000:0007',
    /** Answers as {@link LAB.site} does; {@link LAB.v6OnlyName} leads there. */
    site: '2001:db8::80',
    /** The name of both sites. */
    bothName: 'both.lab.example',
  },
  /** What every resolver outside the tunnel answers, to every question. */
  lie: '203.0.113.66',
  /** A page that has to be signed in to, and what its page needs. */
  portal: {
    url: 'http://login.portal.example/',
    assets: 'assets.portal.example',
    /** What all of it, and every other name, leads to. */
    addresses: ['203.0.113.40', '203.0.113.41', '203.0.113.66'],
    /** Where the lab answers the host's own look. */
    lookPort: 8_081,
  },
  /** The lab's card on the untrusted network. */
  routerMac: '52:54:4c:00:00:01',
  /** The lab's card on the host's loopback, by slirp. */
  publishedMac: '52:54:4c:00:00:02',
  /** The host's loopback as a guest on slirp sees it. */
  slirpHost: USER_NETWORK.nextHop,
} as const;
