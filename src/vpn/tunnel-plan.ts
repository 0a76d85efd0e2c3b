/** What every VPN kind reduces to: the plan is public (shown, logged, in receipts), the secrets are not. */
import type { WireShape } from '../core/policy/egress-policy.ts';

export interface TunnelPlan {
  readonly kind: 'wireguard';
  /** As written in the profile; resolved on the host, address class checked and pinned at each connect. */
  readonly endpoint: {
    readonly host: string;
    readonly port: number;
    readonly protocol: 'udp' | 'tcp';
    readonly shape: WireShape;
  };
  /** What the far end must prove to be: for WireGuard its public key, base64. */
  readonly peerIdentity: string;
  /** Addresses of the gateway inside the tunnel, CIDR. */
  readonly addresses: readonly string[];
  /** Prefixes that go into the tunnel, CIDR. */
  readonly routes: readonly string[];
  /** True when `routes` is not the whole IPv4 Internet: the rest is dropped, never sent in clear. */
  readonly split: boolean;
  readonly resolvers: readonly string[];
  readonly searchDomains: readonly string[];
  readonly mtu: number;
}

/**
 * What the gateway needs and nobody else may see. Travels only from its 0600 file to the gateway's stdin.
 * `toJSON` and `inspect` print a mask, so that a stray log line cannot leak it.
 */
export interface TunnelSecrets {
  readonly kind: 'wireguard';
  /** Renders the secret section of `vmgate-gw tunnel` (for WireGuard: wg(8) setconf text) for the pinned literal address. */
  readonly reveal: (
    pinned: { readonly address: string; readonly port: number },
    localPort: number,
    mark: number,
  ) => string;
}
