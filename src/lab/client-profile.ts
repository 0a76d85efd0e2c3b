/** A fresh WireGuard client of the lab's VPN, as a provider would hand it out. */
import { randomBytes } from 'node:crypto';
import { publicKeyOf } from '../vpn/index.ts';
import { LAB } from './addresses.ts';

export interface ClientKey {
  readonly privateKey: string;
  readonly publicKey: string;
}

export function newClientKey(): ClientKey {
  const bytes = randomBytes(32);
  // RFC 7748 section 5, as `wg genkey` does it: profiles are checked for it.
  bytes[0] = (bytes[0] ?? 0) & 0xf8;
  bytes[31] = ((bytes[31] ?? 0) & 0x7f) | 0x40;
  const privateKey = bytes.toString('base64');
  return { privateKey, publicKey: publicKeyOf(privateKey) };
}

/** wg-quick(8) syntax, a full tunnel. */
export function clientProfile(
  client: ClientKey,
  serverKey: string,
  endpoint: { readonly address: string; readonly port: number },
): string {
  return `[Interface]
PrivateKey = ${client.privateKey}
Address = ${LAB.client}/32
DNS = ${LAB.inside}

[Peer]
PublicKey = ${serverKey}
AllowedIPs = 0.0.0.0/0
Endpoint = ${endpoint.address}:${endpoint.port}
`;
}
