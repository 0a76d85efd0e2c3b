/** What the lab's agent answers, and the lines of its logs. */
import { isIP } from 'node:net';
import * as z from 'zod';

export const done = z.object({ ok: z.literal(true) });

export const hello = z.object({
  ok: z.literal(true),
  serverKey: z.string().length(44),
  /** PEM in base64. */
  ca: z.base64().max(8_192),
});

/** Base64 of what was asked for. */
export const bulk = z
  .object({ ok: z.literal(true), data: z.base64() })
  .transform(({ data }) => Buffer.from(data, 'base64'));

/** Of the second VPN server; empty once it is down. */
export const secondServer = z.object({ ok: z.literal(true), key: z.string().max(44) });

export const framesSeen = z.object({ ok: z.literal(true), frames: z.int().nonnegative() });

/** `answered`: a listener; `refused`: RST or ICMP came back; `silent`: nothing did. */
export const reached = z.object({ ok: z.literal(true), reached: z.enum(['answered', 'refused', 'silent']) });
export type Reached = z.infer<typeof reached>['reached'];

const COUNTED = ['arp', 'dhcp', 'tunnel', 'foreign', 'stranger', 'portal'] as const;

/**
 * Frames that arrived on the untrusted network from the client, by kind. `foreign`: none of the others; any such frame
 * is a leak. `stranger`: those to {@link LAB.stranger}; they are among the foreign ones too. `portal`:
 * pages and questions about names since there was a portal for the first time; before, they are foreign.
 */
export type LabCounts = Readonly<Record<(typeof COUNTED)[number], number>>;

const counter = z.object({ counter: z.object({ name: z.string(), packets: z.int().nonnegative() }) });

/** `nft -j list counters`. */
export const counts = z
  .object({ ok: z.literal(true), nft: z.object({ nftables: z.array(z.unknown()).max(64) }) })
  .transform(({ nft }, context): LabCounts => {
    const found = nft.nftables.flatMap((entry) => {
      const parsed = counter.safeParse(entry);
      return parsed.success ? [[parsed.data.counter.name, parsed.data.counter.packets] as const] : [];
    });
    const byName = new Map(found);
    const count = (name: (typeof COUNTED)[number]) => {
      const packets = byName.get(`seen_${name}`);
      if (packets === undefined) context.addIssue({ code: 'custom', message: `no counter seen_${name}` });
      return packets ?? 0;
    };
    return {
      arp: count('arp'),
      dhcp: count('dhcp'),
      tunnel: count('tunnel'),
      foreign: count('foreign'),
      stranger: count('stranger'),
      portal: count('portal'),
    };
  });

export interface HttpRequestSeen {
  /** Seconds since the lab booted. */
  readonly at: number;
  readonly scheme: 'http' | 'https';
  /** Who asked: {@link LAB.exit} for a request that came through the VPN. */
  readonly source: string;
  readonly destination: string;
  readonly path: string;
}

/** `UPTIME SCHEME SOURCE DESTINATION PATH` a line. A first line cut by the log's limit is left out. */
export function parseHttpLog(log: string): HttpRequestSeen[] {
  return log.split('\n').flatMap((line) => {
    const [at = '', scheme = '', source = '', destination = '', path = ''] = line.split(' ');
    if ((scheme !== 'http' && scheme !== 'https') || isIP(source) === 0) return [];
    return [{ at: Number(at), scheme, source, destination, path }];
  });
}

export interface DnsQuerySeen {
  /** `A`, `AAAA`, `TXT`, .. */
  readonly type: string;
  readonly name: string;
  readonly source: string;
}

/** dnsmasq's `query[TYPE] NAME from SOURCE`, lower case. */
export function parseDnsLog(log: string): DnsQuerySeen[] {
  return [...log.matchAll(/ query\[([^\]]+)\] (\S+) from (\S+)/g)].map(([, type = '', name = '', source = '']) => ({
    type,
    name: name.toLowerCase(),
    source,
  }));
}
