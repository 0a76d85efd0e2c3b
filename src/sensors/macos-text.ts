/** What macOS tools print about the network, parsed. Pure. Written from their manuals and captures; not run here. */
import { isIP } from 'node:net';

const MOST_RESOLVERS = 16;

/** The router in what `route -n get ADDRESS` prints (route(8)); one that is a link is none. */
export function macRouterIn(output: string): string | undefined {
  if (!/^\s*interface: [a-z]{1,12}\d{1,4}$/m.test(output)) return undefined;
  const gateway = /^\s*gateway: (\S{1,64})$/m.exec(output)?.[1];
  return gateway !== undefined && isIP(gateway) !== 0 ? gateway : 'none';
}

/** Resolvers in what `scutil --dns` prints: of the first list, the one that ordinary lookups use. Sorted. */
export function macResolversIn(output: string): readonly string[] {
  const [unscoped = ''] = output.split('DNS configuration (for scoped queries)');
  const found = [...unscoped.matchAll(/^\s*nameserver\[\d{1,3}\] : ([0-9A-Fa-f.:]{2,45})(?:%\w+)?$/gm)];
  const addresses = found.flatMap(([, address = '']) => (isIP(address) === 0 ? [] : [address]));
  return [...new Set(addresses)].sort().slice(0, MOST_RESOLVERS);
}

/** The name of the network in what `ipconfig getsummary CARD` prints; newer systems hide it from most programs. */
export function macWifiIn(output: string): string | undefined {
  const name = /^\s*SSID : (.{1,128})$/m.exec(output)?.[1];
  return name === undefined || name === '<redacted>' ? undefined : name;
}

/** Whether a line is one that `route -n monitor` writes. */
export function isRouteMonitorLine(line: string): boolean {
  return /^(?:$|got message of size \d+|RTM_[A-Z0-9_]+|locks:|sockaddrs:|(?:if# |pid: |metric )|\s)/.test(line);
}
