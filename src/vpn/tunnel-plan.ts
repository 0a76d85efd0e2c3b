/** What every VPN kind reduces to: the plan is public (shown, logged, in receipts), the secrets are not. */
import type { CertificateRule } from '../core/certificate-rule.ts';
import type { WireShape } from '../core/policy/egress-policy.ts';

/** Where a VPN server is, as a profile says it: resolved on the host, its address judged and pinned at each connect. */
export interface PlannedEndpoint {
  readonly host: string;
  readonly port: number;
  readonly protocol: 'udp' | 'tcp';
  readonly shape: WireShape;
  /** Beside TCP the same port over UDP, for kinds that carry packets there if they can. */
  readonly datagrams?: boolean;
}

/** What a tunnel carries of IPv6, beside IPv4. */
export interface TunnelIpv6 {
  /** Addresses of the gateway inside the tunnel, CIDR, canonical. */
  readonly addresses: readonly string[];
  /** Prefixes that go into the tunnel, canonical; `::/0` for all. What is in none is refused, never sent in clear. */
  readonly routes: readonly string[];
  /** Resolvers beside those of IPv4, of which there is always one. */
  readonly resolvers: readonly string[];
}

/** What of IPv6 may go into a tunnel whose server says whether it has any. */
export interface PossibleIpv6 {
  /** Prefixes that the profile names, canonical. */
  readonly routes: readonly string[];
  /**
   * Whether those that the server says count too: of a tunnel that takes everything. That can only mean that less is
   * refused: what is in no prefix goes nowhere.
   */
  readonly serverRoutes: boolean;
}

/** What is true inside a tunnel: said by the profile, or by the server and judged before it has any effect. */
export interface TunnelInside {
  /** Addresses of the gateway inside the tunnel, CIDR. */
  readonly addresses: readonly string[];
  readonly resolvers: readonly string[];
  readonly searchDomains: readonly string[];
  readonly mtu: number;
  /** Undefined: none, and work VMs have none. Needs an MTU of 1,280 (RFC 8200, section 5). */
  readonly ipv6?: TunnelIpv6 | undefined;
}

export interface TunnelPlan extends TunnelInside {
  readonly kind: 'wireguard' | 'openvpn' | 'ipsec' | 'openconnect';
  /** Of a kind that speaks several protocols, one that is not its own: as people write it. */
  readonly dialect?: string | undefined;
  readonly endpoint: PlannedEndpoint;
  /** Other servers of the same VPN, tried in turn when one does not answer. */
  readonly alternatives: readonly PlannedEndpoint[];
  /** What the far end must prove to be, in words for people: for WireGuard its public key, base64. */
  readonly peerIdentity: string;
  /** What the server asks a person for at each connect, beside name and password: a one-time code. */
  readonly challenge?: { readonly question: string; readonly echo: boolean } | undefined;
  /** For kinds whose servers show certificates. */
  readonly certificates?: CertificateRule | undefined;
  /** For kinds whose servers prove a name, with whatever `peerIdentity` says: that name. */
  readonly serverId?: string | undefined;
  /** What a server refuses that says no more than that it refuses; for kinds with such servers. */
  readonly login?: 'key' | 'login' | 'certificate' | undefined;
  /**
   * Whether the server says what its inside is like once it knows the client: then `addresses` are empty, and `resolvers`
   * too unless profile or user named some, which count more.
   */
  readonly assigned: boolean;
  /** Prefixes that go into the tunnel, CIDR, of IPv4. Never a server's to say. */
  readonly routes: readonly string[];
  /** For `assigned` kinds; undefined: none, whatever the server says. */
  readonly possibleIpv6?: PossibleIpv6 | undefined;
  /** True when `routes` is not the whole IPv4 Internet: the rest is dropped, never sent in clear. */
  readonly split: boolean;
}

/**
 * What the gateway needs and nobody else may see. Travels only from its 0600 file to the gateway's stdin.
 * `toJSON` and `inspect` print a mask, so that a stray log line cannot leak it.
 */
export interface TunnelSecrets {
  readonly kind: TunnelPlan['kind'];
  /**
   * Renders the secret section of `vmgate-gw tunnel` for the pinned literal address: for WireGuard wg(8) setconf text, for
   * OpenVPN a configuration and, behind it, the answers to its questions, for IPsec and OpenConnect the files that they read.
   * UDP unless said.
   */
  readonly reveal: (
    pinned: { readonly address: string; readonly port: number; readonly protocol?: PlannedEndpoint['protocol'] },
    localPort: number,
    mark: number,
  ) => string;
  /** The same with the answer to the plan's challenge, for one connect; for kinds without any, the same. */
  readonly withCode: (code: string) => TunnelSecrets;
}
