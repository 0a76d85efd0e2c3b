/**
 * What the gateway's charon tells of a session, as its updown plugin words it, and the kernel's states, as ip-xfrm(8) lists
 * them. Values are a server's: bounded, and judged by whoever uses them.
 */

export interface IpsecSession {
  /** The address inside the tunnel that the server gave. */
  readonly address: string | undefined;
  /** Of both families. */
  readonly resolvers: readonly string[];
  /** Undefined: the server gave no IPv6 address. `routes`: what it carries, CIDR, as the kernel has it. */
  readonly ipv6: { readonly address: string; readonly routes: readonly string[] } | undefined;
  /** What the server proved to be. */
  readonly serverId: string;
  readonly serverAddress: string;
}

/** @param told `NAME=VALUE` lines of charon's updown plugin (src/libcharon/plugins/updown) */
export function readSession(told: string): IpsecSession {
  const values = new Map(
    told.split('\n').map((line) => {
      const [name = '', ...rest] = line.split('=');
      return [name, rest.join('=')] as const;
    }),
  );
  const numbered = (prefix: string) =>
    [...values]
      .flatMap(([name, value]) => {
        const place = name.startsWith(prefix) ? /^\d{1,2}$/.exec(name.slice(prefix.length))?.[0] : undefined;
        return place === undefined ? [] : [{ place: Number(place), value }];
      })
      .toSorted((one, other) => one.place - other.place)
      .map(({ value }) => value);
  const [address6] = numbered('PLUTO_MY_SOURCEIP6_');
  return {
    address: numbered('PLUTO_MY_SOURCEIP4_')[0],
    resolvers: [...numbered('PLUTO_DNS4_'), ...numbered('PLUTO_DNS6_')],
    ipv6: address6 === undefined ? undefined : { address: address6, routes: numbered('ROUTE6_') },
    serverId: values.get('PLUTO_PEER_ID') ?? '',
    serverAddress: values.get('PLUTO_PEER') ?? '',
  };
}

/** One direction of ESP in the kernel. */
export interface EspState {
  readonly source: string;
  readonly destination: string;
  /** UDP around it. */
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** Which interface it is for. */
  readonly ifId: number;
  /** Set on what it sends; 0 for none. */
  readonly mark: number;
}

/** @param listed `ip xfrm state list nokeys` */
export function readStates(listed: string): readonly EspState[] {
  return listed
    .split(/^(?=src )/m)
    .filter((part) => part.startsWith('src '))
    .map((part) => {
      const [, source = '', destination = ''] = /^src (\S+) dst (\S+)/.exec(part) ?? [];
      const [, from, to] = /encap type espinudp sport (\d{1,5}) dport (\d{1,5})/.exec(part) ?? [];
      return {
        source,
        destination,
        sourcePort: Number(from ?? 0),
        destinationPort: Number(to ?? 0),
        ifId: Number(/\bif_id (0x[0-9a-f]{1,8}|\d{1,10})\b/.exec(part)?.[1] ?? 0),
        mark: Number(/\boutput-mark (0x[0-9a-f]{1,8}|\d{1,10})/.exec(part)?.[1] ?? 0),
      };
    });
}
