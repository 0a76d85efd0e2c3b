/** The secret half of a profile, sealed: only `reveal` shows it, and only the gateway's stdin should see that. */
import { SealedSecrets } from '../sealed.ts';
import type { TunnelSecrets } from '../tunnel-plan.ts';

interface WireGuardPeer {
  readonly publicKey: string;
  readonly presharedKey: string | undefined;
  /** Seconds; 0 is off. */
  readonly keepalive: number;
  /** Networks; of IPv6 none where the plan has none: a prefix that is not there cannot be forwarded. */
  readonly allowedIps: readonly string[];
}

export interface WireGuardKeys {
  readonly privateKey: string;
  readonly exit: WireGuardPeer;
  /** Peers without Endpoint. */
  readonly silent: readonly WireGuardPeer[];
}

/** Wraps the keys so that printing, spreading, cloning or serializing the result cannot show them. */
export function sealSecrets(keys: WireGuardKeys): TunnelSecrets {
  return new SealedWireGuard(keys);
}

class SealedWireGuard extends SealedSecrets {
  readonly kind = 'wireguard';
  readonly #keys: WireGuardKeys;

  constructor(keys: WireGuardKeys) {
    super();
    this.#keys = keys;
  }

  /** wg(8) setconf text. `mark` is the VPN socket's fwmark, which the routing rule and nft match. */
  readonly reveal: TunnelSecrets['reveal'] = (pinned, localPort, mark) => {
    const { privateKey, exit, silent } = this.#keys;
    return [
      '[Interface]',
      `PrivateKey = ${privateKey}`,
      `ListenPort = ${localPort}`,
      `FwMark = 0x${mark.toString(16)}`,
      ...renderPeer(exit),
      `Endpoint = ${pinned.address}:${pinned.port}`,
      ...silent.flatMap(renderPeer),
      '',
    ].join('\n');
  };
}

function renderPeer({ publicKey, presharedKey, keepalive, allowedIps }: WireGuardPeer): readonly string[] {
  return [
    '[Peer]',
    `PublicKey = ${publicKey}`,
    ...(presharedKey === undefined ? [] : [`PresharedKey = ${presharedKey}`]),
    ...(allowedIps.length === 0 ? [] : [`AllowedIPs = ${allowedIps.join(', ')}`]),
    ...(keepalive === 0 ? [] : [`PersistentKeepalive = ${keepalive}`]),
  ];
}
