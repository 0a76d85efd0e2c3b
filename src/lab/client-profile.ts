/** A client of the lab's VPN, as a provider would hand it out. */
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

/** For the second server, which is looked up inside the first one's tunnel. */
export function secondProfile(client: ClientKey, serverKey: string): string {
  const { name, port, inside, client: address } = LAB.second;
  return clientProfile(client, serverKey, { address: name, port })
    .replace(/^Address = .*$/m, `Address = ${address}/32`)
    .replace(/^DNS = .*$/m, `DNS = ${inside}`);
}

/** The same profile, of a client that has IPv6 too. */
export function profileWithIpv6(profile: string): string {
  return profile.replace(/^(Address = .*)$/m, `$1, ${LAB.ipv6.client}/128`).replace(/^(AllowedIPs = .*)$/m, '$1, ::/0');
}

/** What a client of the lab's IKEv2 server logs in by; PEM where it is not said otherwise. */
export type IpsecClient =
  | { readonly auth: 'psk'; readonly psk: string }
  | { readonly auth: 'eap-mschapv2'; readonly authority: string }
  | {
      readonly auth: 'certificate' | 'eap-tls';
      readonly authority: string;
      readonly certificate: string;
      readonly key: string;
    };

/** vmgate's own YAML, a full tunnel. */
export function ipsecProfile(
  endpoint: { readonly address: string; readonly port: number },
  client: IpsecClient,
  serverId = 'vpn.lab.example',
): string {
  // A JSON string is a YAML one.
  const said = Object.entries(client).map(([key, value]) => `${key}: ${JSON.stringify(value)}\n`);
  return `kind: ikev2
server: ${endpoint.address}
port: ${endpoint.port}
serverId: ${serverId}
id: client.lab.example
${said.join('')}`;
}
