/** What Linux and its tools write about the network, parsed. Pure. */
import { isIP } from 'node:net';
import { ipv4ToNumber, numberToIpv4 } from '../core/ipv4.ts';

const MOST_ROUTES = 4_096;
const MOST_RESOLVERS = 16;

/**
 * The router of a card toward `target`, by the kernel's table in /proc/net/route (proc_net(5)): hexadecimal in the byte
 * order of the machine, which is little-endian wherever vmgate runs. Undefined: another table decides, or none.
 */
export function routerIn(table: string, card: string, target: string): string | undefined {
  const wanted = ipv4ToNumber(target);
  if (wanted === undefined) return undefined;
  const routes = table.split('\n', MOST_ROUTES).flatMap((line) => {
    const row = /^(\S+)\t([0-9A-F]{8})\t([0-9A-F]{8})\t([0-9A-F]{4})\t\d+\t\d+\t(\d+)\t([0-9A-F]{8})\t/.exec(line);
    if (row?.[1] !== card) return [];
    const [destination, gateway, mask] = [row[2], row[3], row[6]].map((hex) => hostOrder(hex ?? ''));
    if (destination === undefined || gateway === undefined || mask === undefined) return [];
    const isUp = (Number.parseInt(row[4] ?? '', 16) & 1) === 1;
    const covers = isUp && (wanted & mask) >>> 0 === destination;
    return covers ? [{ gateway, mask, metric: Number(row[5]) }] : [];
  });
  const [best] = routes.sort((one, other) => other.mask - one.mask || one.metric - other.metric);
  if (best === undefined) return undefined;
  return best.gateway === 0 ? 'none' : numberToIpv4(best.gateway);
}

/** Addresses of a resolv.conf(5), sorted; interface suffixes go. */
export function resolversIn(text: string): readonly string[] {
  const found = text.split('\n').flatMap((line) => {
    const address = /^\s*nameserver\s+([0-9A-Fa-f.:]+)/.exec(line)?.[1];
    return address !== undefined && isIP(address) !== 0 ? [address] : [];
  });
  return [...new Set(found)].sort().slice(0, MOST_RESOLVERS);
}

/** The name of the network in what `iw dev CARD link` prints; iw(8) escapes what is not printable. */
export function wifiIn(output: string): string | undefined {
  return /^\tSSID: (.{1,128})$/m.exec(output)?.[1];
}

const IP_MONITOR_LINE =
  /^(?:\[[A-Z]+\])?(?:Deleted )?(?:\d+:\s|default\b|none\b|(?:local|broadcast|multicast|anycast|unicast|unreachable|blackhole|prohibit|throw|nat) |[0-9a-f]*[.:])/;

/** Whether a line is one that `ip -o monitor` writes. */
export function isIpMonitorLine(line: string): boolean {
  return IP_MONITOR_LINE.test(line);
}

function hostOrder(hex: string): number {
  return Buffer.from(hex, 'hex').readUInt32LE(0);
}
