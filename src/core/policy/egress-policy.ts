/**
 * What may leave the gateway's uplink, as plain data. One policy compiles to the gateway's nft ruleset, the guard's
 * matcher and a table for people; a property test holds the compilers to each other.
 */
import type { WorkEgress } from './work-egress.ts';

/** The wire shape the guard demands of frames to an endpoint, on top of address and port. */
export type WireShape = 'wireguard' | 'openvpn' | 'ipsec' | 'openconnect';

/** One pinned VPN endpoint: a literal address, never a name. */
export interface Endpoint {
  /** Canonical IPv4 text. (IPv6 endpoints come with the IPv6 uplink.) */
  readonly address: string;
  readonly port: number;
  readonly protocol: 'udp' | 'tcp';
  readonly shape: WireShape;
}

/**
 * Ports that Linux gives to a TCP socket that asks for none (net.ipv4.ip_local_port_range). A VPN client that speaks TCP
 * is not told which to use, so that its policy has this range.
 */
export const EPHEMERAL = { first: 32_768, last: 60_999 } as const;

/**
 * The user that a VPN client runs as which cannot put a mark on its sockets; the gateway's `vpn`. What it sends is known by
 * that, and looks into the uplink's routes for the same reason (provision/gateway/rootfs/init). Inside other tunnels it is the
 * next one down for each (`userOf` in chain.ts).
 */
export const VPN_USER = 65_533;

/** The gateway's side of the uplink. */
export interface UplinkIdentity {
  /** Lower-case colon-separated MAC of the gateway's uplink card. */
  readonly mac: string;
  /** The gateway's IPv4 address on the uplink; undefined only while DHCP has not answered. */
  readonly address: string | undefined;
  /** IPv4 of the router that frames to the endpoint are sent through. */
  readonly nextHop: string | undefined;
  /** True where the uplink is configured by DHCP: then DHCP client frames may leave. */
  readonly dhcp: boolean;
}

/** A link's IPv6, beside its IPv4. The machine there makes its own address out of the prefix (RFC 4862). */
export interface LinkIpv6 {
  /** The gateway's own address on that link, canonical. */
  readonly gateway: string;
  /** Prefix of 64 bits, of unique local addresses (RFC 4193), canonical: what the machine may send from. */
  readonly network: string;
}

/** One wire of the gateway towards the inside. */
export interface PolicyLink {
  /** Interface name in the gateway, e.g. `work0` or `probe0` (at most 15 bytes, IFNAMSIZ). */
  readonly ifname: string;
  /** The gateway's own address on that link. */
  readonly gateway: string;
  /** The single address the machine on that link may use. */
  readonly guest: string;
  readonly prefixLength: number;
  /** The single MAC the machine on that link may use. */
  readonly guestMac: string;
  /** What it has while the tunnel carries IPv6 ({@link inForce}); undefined: never any. */
  readonly ipv6?: LinkIpv6 | undefined;
  /** What it may reach inside the tunnel; undefined: everything. */
  readonly egress?: WorkEgress | undefined;
  /** Interface names of the links whose machines it may begin connections to, over IPv4 alone; none unless said. */
  readonly peers?: readonly string[] | undefined;
}

/** What a tunnel carries of IPv6. */
export interface TunnelIpv6Policy {
  /** IPv6 prefixes routed into the tunnel, canonical; `::/0` for all of it. */
  readonly routes: readonly string[];
  /** Resolvers inside the tunnel, asked beside those of IPv4. */
  readonly resolvers: readonly string[];
}

/** A tunnel's interface, and the socket that its packets leave by. */
export interface TunnelSocket {
  /** Interface name in the gateway: `tun0`, or of a tunnel that another one runs through `hop0`, `hop1`. */
  readonly ifname: string;
  /** UDP source port of the VPN socket on the gateway; its TCP has one of {@link EPHEMERAL}. */
  readonly localPort: number;
  /** fwmark of the VPN socket's packets; of those by a user ({@link VPN_USER}) there is none. */
  readonly mark: number;
  /**
   * MTU of the tunnel interface, bytes. WireGuard pads to 16 bytes but never beyond the MTU, so full packets of a
   * tunnel of 1420 are not a multiple of 16; without this number the guard cannot hold lengths to the padding rule.
   */
  readonly mtu?: number;
}

/** A tunnel that another one runs through: nothing but that one's packets goes into it. */
export interface HopPolicy extends TunnelSocket {
  /** Where the server of the next one is, pinned. */
  readonly endpoints: readonly Endpoint[];
}

/** Where forwarded traffic may go: the tunnel, and inside it these prefixes. */
export interface TunnelPolicy extends TunnelSocket {
  /** IPv4 prefixes routed into the tunnel; `0.0.0.0/0` for a full tunnel. */
  readonly routes: readonly string[];
  /** Resolvers inside the tunnel the gateway's DNS forwards to. */
  readonly resolvers: readonly string[];
  /**
   * Another tunnel is to run through this one, and its server is still looked up here: the gateway asks these resolvers, and
   * nothing is forwarded, whoever holds a lease.
   */
  readonly underway?: boolean;
  /** Undefined: nothing over IPv6 goes into the tunnel. */
  readonly ipv6?: TunnelIpv6Policy | undefined;
  /**
   * TCP connections of work VMs that did not begin in this tunnel are reset: they began in another one, and what they have
   * still to say was meant for that.
   */
  readonly onlyNewFlows?: boolean;
}

/** A portal of the local network that somebody signs in to: all of it in clear, instead of a tunnel. */
export interface PortalPolicy {
  /** The one resolver that is asked, IPv4. */
  readonly resolver: string;
  /** Names that it may be asked for, lower case. */
  readonly names: readonly string[];
  /** What they lead to, IPv4, each judged: reached on {@link PORTAL_PORTS}. */
  readonly addresses: readonly string[];
}

/** What a portal is reached on, over TCP. */
export const PORTAL_PORTS = [80, 443] as const;

export interface EgressPolicy {
  readonly uplink: UplinkIdentity;
  /** Empty: nothing but ARP (and DHCP) may leave. The boot ruleset is compiled from such a policy. */
  readonly endpoints: readonly Endpoint[];
  readonly links: readonly PolicyLink[];
  /** Undefined before a VPN profile was applied: nothing is forwarded at all. */
  readonly tunnel: TunnelPolicy | undefined;
  /** Tunnels that the tunnel runs through, the outermost first; none unless said. */
  readonly through?: readonly HopPolicy[] | undefined;
  /** Never beside a tunnel: somebody signs in, and nothing else leaves. */
  readonly portal?: PortalPolicy | undefined;
}

/**
 * The policy as it counts: a link has IPv6 for as long as the tunnel carries some, and no longer. For most kinds of VPN that
 * is known only once the server has said it, on a gateway whose cards were planned before.
 */
export function inForce(policy: EgressPolicy): EgressPolicy {
  if (policy.tunnel?.ipv6 !== undefined) return policy;
  return { ...policy, links: policy.links.map(({ ipv6: _, ...link }) => link) };
}

/** Whether the VPN is a TCP connection, which retransmits, and whose end is repeated when its process is gone. */
export function isOverTcp({ endpoints }: Pick<EgressPolicy, 'endpoints'>): boolean {
  return endpoints.some(({ protocol }) => protocol === 'tcp');
}
