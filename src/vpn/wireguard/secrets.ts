/** The secret half of a WireGuard profile. */
import { type Seal, seal } from '../sealed.ts';
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

const WIREGUARD: Seal<WireGuardKeys> = { kind: 'wireguard', render };

export function sealSecrets(keys: WireGuardKeys): TunnelSecrets {
  return seal(WIREGUARD, keys);
}

/** wg(8) setconf text. `mark` is the VPN socket's fwmark, which the routing rule and nft match. */
function render(
  { privateKey, exit, silent }: WireGuardKeys,
  ...[pinned, localPort, mark]: Parameters<TunnelSecrets['reveal']>
): string {
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
