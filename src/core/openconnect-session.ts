/**
 * What the gateway's openconnect tells of a session: its script's variables (vpnc-script's), one `NAME=VALUE` a line, and
 * the kernel's sockets of its user. Values are a server's: bounded, and judged by whoever uses them.
 */

export interface OpenConnectSession {
  /** The address inside the tunnel that the server gave. */
  readonly address: string | undefined;
  /** Of both families. */
  readonly resolvers: readonly string[];
  readonly domains: readonly string[];
  readonly mtu: number | undefined;
  /** Undefined: the server gave no IPv6 address. `routes`: what it carries, CIDR; everything where it does not say. */
  readonly ipv6: { readonly address: string; readonly routes: readonly string[] } | undefined;
  /** `pin-sha256:..` of the key that the server proved to have, when it was logged in to and by every connection since. */
  readonly pin: string;
  /** Whom it is connected to. */
  readonly serverAddress: string;
}

export function readSession(told: string): OpenConnectSession {
  const values = new Map(
    told.split('\n').map((line) => {
      const [name = '', ...rest] = line.split('=');
      return [name, rest.join('=')] as const;
    }),
  );
  const words = (name: string) => (values.get(name) ?? '').split(/[ ,]+/).filter((word) => word !== '');
  const mtu = Number(values.get('INTERNAL_IP4_MTU') ?? '');
  return {
    address: words('INTERNAL_IP4_ADDRESS')[0],
    resolvers: [...words('INTERNAL_IP4_DNS'), ...words('INTERNAL_IP6_DNS')],
    domains: words('CISCO_DEF_DOMAIN'),
    mtu: Number.isInteger(mtu) && mtu > 0 ? mtu : undefined,
    ipv6: ipv6Of(values),
    pin: values.get('FINGERPRINT') ?? '',
    serverAddress: values.get('VPNGATEWAY') ?? '',
  };
}

/** As vpnc-script(8) would set them: a server that names no networks of IPv6 carries all of it. */
function ipv6Of(values: ReadonlyMap<string, string>): OpenConnectSession['ipv6'] {
  const address = values.get('INTERNAL_IP6_ADDRESS');
  if (address === undefined || address === '') return undefined;
  const named = [...values].flatMap(([name, value]) => (/^ROUTE6_\d{1,3}$/.test(name) ? [value] : []));
  return { address, routes: named.length > 0 ? named : ['::/0'] };
}

export interface ClientSocket {
  readonly protocol: 'tcp' | 'udp';
  readonly localPort: number;
  /** IPv4; `0.0.0.0` for one that is not connected. */
  readonly remoteAddress: string;
  readonly remotePort: number;
}

/** @param listed lines `tcp 0100007F:1F90 0A3264C6:01BB`: little-endian words, as /proc/net/tcp has them (proc(5)) */
export function readSockets(listed: string): readonly ClientSocket[] {
  return listed.split('\n').flatMap((line): ClientSocket[] => {
    const [, protocol, local = '', remote = '', port = ''] =
      /^(tcp|udp) [0-9A-F]{8}:([0-9A-F]{4}) ([0-9A-F]{8}):([0-9A-F]{4})$/.exec(line) ?? [];
    if (protocol !== 'tcp' && protocol !== 'udp') return [];
    const bytes = [...Buffer.from(remote, 'hex')].toReversed();
    return [
      {
        protocol,
        localPort: Number.parseInt(local, 16),
        remoteAddress: bytes.join('.'),
        remotePort: Number.parseInt(port, 16),
      },
    ];
  });
}
