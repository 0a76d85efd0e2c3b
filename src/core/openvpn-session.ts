/**
 * What the gateway's openvpn tells of a connected session: environment variables as its management interface lists them
 * (openvpn(8), "Environmental Variables"), one `NAME=VALUE` a line. Values are a server's: bounded, and judged by whoever
 * uses them.
 */

export interface OpenVpnSession {
  /** The address inside the tunnel that the server gave. */
  readonly address: string | undefined;
  readonly tunMtu: number | undefined;
  /** Undefined: the server gave no IPv6 address. `routes`: its own network there, and what was pushed; CIDR. */
  readonly ipv6: { readonly address: string; readonly routes: readonly string[] } | undefined;
  /** `dhcp-option` lines in the server's order, each split at its spaces. */
  readonly options: readonly (readonly string[])[];
  /** SHA-256 of the server's chain, its own first, lower-case hexadecimal. */
  readonly chain: readonly string[];
  /** Common name of the server's own certificate. */
  readonly name: string | undefined;
  /** Who was authenticated, and the socket it was done by. */
  readonly endpoint: { readonly address: string; readonly port: number };
  readonly localPort: number;
}

/** A chain is short, and OpenVPN itself allows no more. */
const MAX_DEPTH = 16;

export function readSession(told: string): OpenVpnSession {
  const values = new Map(
    told.split('\n').map((line) => {
      const [name = '', ...rest] = line.split('=');
      return [name, rest.join('=')] as const;
    }),
  );
  const options = [...values]
    .flatMap(([name, value]) => {
      const place = /^foreign_option_(\d{1,3})$/.exec(name)?.[1];
      return place === undefined ? [] : [{ place: Number(place), words: value.split(' ') }];
    })
    .toSorted((one, other) => one.place - other.place);
  const digests = Array.from(
    { length: MAX_DEPTH },
    (_, depth) => values.get(`tls_digest_sha256_${depth}`)?.replaceAll(':', '').toLowerCase() ?? '',
  );
  const gap = digests.findIndex((digest) => !/^[0-9a-f]{64}$/.test(digest));
  const mtu = Number(values.get('tun_mtu'));
  return {
    address: values.get('ifconfig_local'),
    tunMtu: Number.isInteger(mtu) ? mtu : undefined,
    ipv6: ipv6Of(values),
    options: options.map(({ words }) => words),
    chain: digests.slice(0, gap === -1 ? MAX_DEPTH : gap),
    name: values.get('X509_0_CN'),
    endpoint: { address: values.get('trusted_ip') ?? '', port: Number(values.get('trusted_port') ?? 0) },
    localPort: Number(values.get('local_port_1') ?? 0),
  };
}

/** Routes among it are the ways that OpenVPN would set, `redirect-gateway ipv6` as the prefixes that it stands for (route.c). */
function ipv6Of(values: ReadonlyMap<string, string>): OpenVpnSession['ipv6'] {
  const address = values.get('ifconfig_ipv6_local');
  if (address === undefined || address === '') return undefined;
  const pushed = [...values].flatMap(([name, value]) => (/^route_ipv6_network_\d{1,3}$/.test(name) ? [value] : []));
  return { address, routes: [`${address}/${values.get('ifconfig_ipv6_netbits') ?? '128'}`, ...pushed] };
}
