/**
 * The reference: what a frame leaving the gateway's uplink must look like, rule by rule. The guard's matcher is the
 * same judgement made fast, and a property test holds the two together; this one also says which rule a frame broke.
 *
 * A frame that fits leaves an owned gateway nothing but bits inside fields that must vary (identification, TTL, the
 * encrypted payload), towards the endpoint alone.
 *
 * The destination MAC may be any card's: which one is the router's only ARP says, that is, the hostile network itself. A
 * neighbour that is handed such a frame reads what it could read on the wire anyway.
 */
import {
  BROADCAST_MAC,
  DHCP_OPTIONS,
  DHCP_PORTS,
  DHCP_TYPES,
  type DhcpMessage,
  ETHER_TYPES,
  type EthernetFrame,
  IP_PROTOCOLS,
  type Ipv4Packet,
  isGroupMac,
  macBytes,
  parseArp,
  parseDhcp,
  parseEthernet,
  parseIpv4,
  parseUdp,
  type UdpDatagram,
  ZERO_MAC,
} from '../../frame/index.ts';
import { type EgressPolicy, type Endpoint, EPHEMERAL, type PortalPolicy, type TunnelPolicy } from './egress-policy.ts';
import { breaksIpsec } from './ipsec-shape.ts';
import { breaksOpenVpn } from './openvpn-shape.ts';
import { breaksPortalTcp, breaksQuestion } from './portal-shape.ts';
import { readTunnelSegment } from './tcp-shape.ts';
import { breaksDtls } from './tls-shape.ts';
import { breaksWireGuard } from './wireguard-shape.ts';

/** The part of a policy that the uplink's frames are judged by. */
export interface UplinkPolicy extends Pick<EgressPolicy, 'uplink' | 'endpoints' | 'portal'> {
  readonly tunnel?: Pick<TunnelPolicy, 'localPort' | 'mtu'> | undefined;
}

export type FrameKind = 'arp' | 'dhcp' | 'tunnel' | 'portal';

export type FrameVerdict =
  | { readonly verdict: 'pass'; readonly kind: FrameKind }
  /** `why` names the first rule the frame broke. */
  | { readonly verdict: 'drop'; readonly why: string };

const ANY_ADDRESS = '0.0.0.0';
const LIMITED_BROADCAST = '255.255.255.255';
const DNS_PORT = 53;

export function judgeFrame(policy: UplinkPolicy, frame: Buffer): FrameVerdict {
  const ethernet = parseEthernet(frame);
  if (ethernet === undefined) return drop('shorter than an Ethernet header');
  const { mac } = policy.uplink;
  if (ethernet.source !== mac) return drop("source MAC is not the gateway's");
  if (ethernet.destination === mac) return drop('sent to the gateway itself');
  if (isGroupMac(ethernet.destination) && ethernet.destination !== BROADCAST_MAC) return drop('multicast');
  if (ethernet.etherType === ETHER_TYPES.arp) return verdict('arp', breaksArp(policy, ethernet));
  if (ethernet.etherType !== ETHER_TYPES.ipv4) {
    return drop(`Ethernet type 0x${ethernet.etherType.toString(16).padStart(4, '0')}`);
  }
  const ip = parseIpv4(ethernet.payload);
  if (ip === undefined) return drop('garbled IPv4');
  const why = breaksIpv4(ip);
  if (why !== undefined) return drop(why);
  const { portal } = policy;
  if (portal !== undefined && ip.protocol === IP_PROTOCOLS.tcp) {
    return verdict('portal', breaksPortal(policy, portal, ethernet, ip));
  }
  if (ip.protocol === IP_PROTOCOLS.tcp) return verdict('tunnel', breaksTcpTunnel(policy, ethernet, ip));
  if (ip.protocol !== IP_PROTOCOLS.udp) return drop(`IP protocol ${ip.protocol}`);
  const udp = parseUdp(ip.payload);
  if (udp === undefined || udp.tail.length > 0) return drop('garbled UDP');
  const ports = DHCP_PORTS;
  if (policy.uplink.dhcp && udp.sourcePort === ports.client && udp.destinationPort === ports.server) {
    return verdict('dhcp', breaksDhcp(policy, ethernet, ip, udp));
  }
  if (portal !== undefined && udp.destinationPort === DNS_PORT) {
    return verdict('portal', breaksPortalDns(policy, portal, ethernet, ip, udp));
  }
  return verdict('tunnel', breaksTunnel(policy, ethernet, ip, udp));
}

/** RFC 826 field by field: a question for the router, an answer to it, or an announcement of our own address. */
function breaksArp({ uplink }: UplinkPolicy, ethernet: EthernetFrame): string | undefined {
  const arp = parseArp(ethernet.payload);
  if (arp === undefined) return 'garbled ARP';
  if (arp.tail.length > 0) return 'bytes after the ARP packet';
  if (arp.senderMac !== uplink.mac) return "ARP sender MAC is not the gateway's";
  if (uplink.address === undefined || arp.senderAddress !== uplink.address)
    return "ARP sender is not the gateway's address";
  const announcement = arp.targetAddress === uplink.address;
  if (!announcement && arp.targetAddress !== uplink.nextHop) return 'ARP for another address than the next hop';
  if (arp.operation === 'request') return arp.targetMac === ZERO_MAC ? undefined : 'ARP request with a target MAC';
  if (announcement) return 'ARP reply about ourselves to ourselves';
  if (ethernet.destination === BROADCAST_MAC) return 'ARP reply to everybody';
  return arp.targetMac === ethernet.destination ? undefined : 'ARP reply to another card than it names';
}

function breaksIpv4(ip: Ipv4Packet): string | undefined {
  if (ip.headerBytes !== 20) return 'IPv4 options';
  if (ip.tail.length > 0) return 'bytes after the IPv4 packet';
  if (ip.reservedFlag) return 'IPv4 reserved flag';
  return ip.moreFragments || ip.fragmentOffset > 0 ? 'IPv4 fragment' : undefined;
}

function breaksTunnel(
  policy: UplinkPolicy,
  ethernet: EthernetFrame,
  ip: Ipv4Packet,
  udp: UdpDatagram,
): string | undefined {
  const { endpoints, tunnel } = policy;
  const misdirected = breaksDirection(policy, ethernet, ip);
  if (misdirected !== undefined) return misdirected;
  const there = endpoints.filter(({ address }) => address === ip.destination);
  if (there.length === 0) return 'destination is not the endpoint';
  const endpoint = there.find((one) => one.protocol === 'udp' && one.port === udp.destinationPort);
  if (endpoint === undefined) return "not the endpoint's port";
  if (tunnel !== undefined && udp.sourcePort !== tunnel.localPort) return "not from the VPN socket's port";
  return breaksShape(endpoint, udp.payload, tunnel?.mtu);
}

/** Each segment by itself: what follows them from the first on are openvpn-stream.ts and tls-stream.ts. */
function breaksTcpTunnel(policy: UplinkPolicy, ethernet: EthernetFrame, ip: Ipv4Packet): string | undefined {
  const { endpoints, tunnel } = policy;
  const endpoint = endpoints.find(({ protocol, address }) => protocol === 'tcp' && address === ip.destination);
  if (endpoint?.shape !== 'openvpn' && endpoint?.shape !== 'openconnect') return `IP protocol ${ip.protocol}`;
  const misdirected = breaksDirection(policy, ethernet, ip);
  if (misdirected !== undefined) return misdirected;
  const anyPort = endpoint.shape === 'openconnect';
  const segment = readTunnelSegment(ip.payload, endpoint.port, anyPort ? undefined : tunnel?.localPort);
  if (typeof segment === 'string') return segment;
  const { sourcePort } = segment;
  const isClient = !anyPort || (sourcePort >= EPHEMERAL.first && sourcePort <= EPHEMERAL.last);
  return isClient ? undefined : 'TCP from a port of no client';
}

function breaksDirection({ uplink }: UplinkPolicy, ethernet: EthernetFrame, ip: Ipv4Packet): string | undefined {
  if (ethernet.destination === BROADCAST_MAC) return 'IPv4 to everybody';
  const isOurs = uplink.address !== undefined && ip.source === uplink.address;
  return isOurs ? undefined : "source is not the gateway's address";
}

function breaksShape({ shape }: Endpoint, payload: Buffer, mtu: number | undefined): string | undefined {
  switch (shape) {
    case 'wireguard':
      return breaksWireGuard(payload, mtu);
    case 'openvpn':
      return breaksOpenVpn(payload[0] ?? 0, payload.length);
    case 'ipsec':
      return breaksIpsec(payload);
    case 'openconnect':
      return breaksDtls(payload);
  }
}

function breaksPortal(
  policy: UplinkPolicy,
  { addresses }: PortalPolicy,
  ethernet: EthernetFrame,
  ip: Ipv4Packet,
): string | undefined {
  const misdirected = breaksDirection(policy, ethernet, ip);
  if (misdirected !== undefined) return misdirected;
  return addresses.includes(ip.destination) ? breaksPortalTcp(ip.payload) : "destination is not a portal's";
}

function breaksPortalDns(
  policy: UplinkPolicy,
  { resolver, names }: PortalPolicy,
  ethernet: EthernetFrame,
  ip: Ipv4Packet,
  udp: UdpDatagram,
): string | undefined {
  const misdirected = breaksDirection(policy, ethernet, ip);
  if (misdirected !== undefined) return misdirected;
  return ip.destination === resolver ? breaksQuestion(udp, names) : "destination is not the portal's resolver";
}

/**
 * Client to server, with nothing in it that names the machine: no host name, vendor or user class (RFC 7844). The
 * address it says it has may be any: a lease that the network changed a moment ago is no attack, and the options hold
 * four bytes as free as these.
 */
function breaksDhcp(
  { uplink }: UplinkPolicy,
  ethernet: EthernetFrame,
  ip: Ipv4Packet,
  udp: UdpDatagram,
): string | undefined {
  const ours = [ANY_ADDRESS, uplink.address];
  if (!ours.includes(ip.source)) return "DHCP from an address that is not the gateway's";
  if (ip.destination === LIMITED_BROADCAST) {
    if (ethernet.destination !== BROADCAST_MAC) return 'DHCP broadcast to one card';
  } else if (ip.destination !== uplink.nextHop || ethernet.destination === BROADCAST_MAC) {
    return 'DHCP to another address than the next hop';
  }
  const dhcp = parseDhcp(udp.payload);
  if (dhcp === undefined) return 'garbled DHCP';
  if (dhcp.operation !== 1) return 'DHCP answer';
  if (dhcp.clientMac !== uplink.mac) return 'DHCP for another card';
  if ((dhcp.flags & 0x7fff) !== 0 || !dhcp.spareZero || dhcp.tail.some((byte) => byte !== 0))
    return 'DHCP with spare bits set';
  const others = [dhcp.yourAddress, dhcp.serverAddress, dhcp.relayAddress];
  if (others.some((address) => address !== ANY_ADDRESS)) return "DHCP with a server's fields set";
  return breaksDhcpOptions(dhcp, uplink.mac);
}

/** What the gateway's client sends. To decline or release is to speak about an address, which may be a neighbour's. */
const CLIENT_TYPES: readonly number[] = [DHCP_TYPES.discover, DHCP_TYPES.request];
/** Most parameters a request may list: more than any client asks for, fewer than a message could hide. */
const MAX_PARAMETERS = 32;

function breaksDhcpOptions({ options }: DhcpMessage, mac: string): string | undefined {
  const seen = new Set(options.map(({ code }) => code));
  if (seen.size !== options.length) return 'DHCP option twice';
  if (!seen.has(DHCP_OPTIONS.messageType)) return 'DHCP without message type';
  const wrong = options.find(({ code, value }) => !fits(code, value, mac));
  return wrong === undefined ? undefined : `DHCP option ${wrong.code}`;
}

function fits(code: number, value: Buffer, mac: string): boolean {
  switch (code) {
    case DHCP_OPTIONS.messageType:
      return value.length === 1 && CLIENT_TYPES.includes(value[0] ?? 0);
    case DHCP_OPTIONS.requestedAddress:
    case DHCP_OPTIONS.serverIdentifier:
      return value.length === 4;
    case DHCP_OPTIONS.maximumSize:
      return value.length === 2;
    case DHCP_OPTIONS.parameterList:
      return value.length <= MAX_PARAMETERS;
    case DHCP_OPTIONS.clientIdentifier:
      return value.equals(Buffer.concat([Buffer.from([1]), macBytes(mac)]));
    default:
      return false;
  }
}

function verdict(kind: FrameKind, why: string | undefined): FrameVerdict {
  return why === undefined ? { verdict: 'pass', kind } : drop(why);
}

function drop(why: string): FrameVerdict {
  return { verdict: 'drop', why };
}
