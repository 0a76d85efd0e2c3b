/**
 * Namespaces for a gateway, wired and routed as init leaves it, its work VM, and what is outside:
 *
 *   work -- gw -- net (198.51.100.7, the profile's server; 198.51.100.66, a stranger)
 */
import { type LinkPlan, USER_NETWORK } from '../../../../src/core/link-plan.ts';
import { ip } from '../../policy/namespaces.ts';

export const SPACES = ['gw', 'net', 'work'] as const;
export type Space = (typeof SPACES)[number];

export const SERVER = '198.51.100.7';
export const STRANGER = '198.51.100.66';
const VPN_USER = '65533';
const OUTSIDE_MAC = '52:54:ff:00:00:01';

/** @param named a namespace's name */
export function makeNetwork(links: LinkPlan, named: (space: Space) => string): void {
  const [gw, net, work] = [named('gw'), named('net'), named('work')];
  const [link] = links.work;
  if (link === undefined) throw new Error('no link');
  for (const space of [gw, net, work]) {
    ip('netns', 'add', space);
    const switches = ['net.ipv6.conf.all.disable_ipv6=1', 'net.ipv6.conf.default.disable_ipv6=1'];
    ip('netns', 'exec', space, 'sysctl', '-qw', ...switches, `net.ipv4.ip_forward=${space === gw ? 1 : 0}`);
    ip('-n', space, 'link', 'set', 'lo', 'up');
  }
  for (const [near, mac, far, other, otherMac] of [
    ['up0', links.uplink.mac, net, 'u0', OUTSIDE_MAC],
    ['work0', link.gatewayMac, work, 'eth0', link.guestMac],
  ] as const) {
    ip('-n', gw, 'link', 'add', near, 'type', 'veth', 'peer', 'name', other, 'netns', far);
    ip('-n', gw, 'link', 'set', near, 'address', mac, 'up');
    ip('-n', far, 'link', 'set', other, 'address', otherMac, 'up');
  }
  const address = (space: string, text: string, card: string, ...more: readonly string[]) =>
    ip('-n', space, 'addr', 'add', text, 'dev', card, ...more);
  address(gw, `${USER_NETWORK.address}/24`, 'up0', 'noprefixroute');
  address(gw, `${link.gateway}/29`, 'work0');
  address(work, `${link.guest}/29`, 'eth0');
  address(net, `${USER_NETWORK.nextHop}/24`, 'u0');
  for (const host of [SERVER, STRANGER]) address(net, `${host}/32`, 'lo');
  ip('-n', work, 'route', 'add', 'default', 'via', link.gateway);
  ip('-n', gw, 'rule', 'add', 'pref', '52', 'uidrange', `${VPN_USER}-${VPN_USER}`, 'lookup', '51');
  ip('-n', gw, 'route', 'add', 'default', 'via', USER_NETWORK.nextHop, 'dev', 'up0', 'onlink', 'table', '51');
  // A packet at a time, as they are on a wire.
  ip('-n', gw, 'link', 'set', 'up0', 'gso_max_segs', '1');
  ip('-n', net, 'link', 'set', 'u0', 'gso_max_segs', '1');
}
