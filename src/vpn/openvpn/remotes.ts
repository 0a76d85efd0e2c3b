/** The servers of a profile, with what `proto` and `port` say about them. */

import { isIPv6 } from 'node:net';
import { VmgateError } from '../../core/coded.ts';
import { ipv4ToNumber } from '../../core/ipv4.ts';
import { errors } from '../codes.ts';
import { at, type Token } from '../positions.ts';
import { isHostName, parseCount } from '../values.ts';
import type { Directive } from './syntax.ts';

export interface Remote {
  /** Name or IPv4 address. */
  readonly host: string;
  readonly port: number;
  readonly protocol: 'udp' | 'tcp';
}

/** OpenVPN's own limit on connection entries (CONNECTION_LIST_SIZE). */
const MAX_REMOTES = 64;
const DEFAULT_PORT = 1_194;

const PROTOCOLS: Readonly<Record<string, Remote['protocol']>> = {
  udp: 'udp',
  udp4: 'udp',
  tcp: 'tcp',
  tcp4: 'tcp',
  'tcp-client': 'tcp',
  'tcp4-client': 'tcp',
};
const IPV6_PROTOCOLS = ['udp6', 'tcp6', 'tcp6-client'];

/** What a remote without port or protocol has. */
export interface Defaults {
  readonly port: number;
  readonly protocol: Remote['protocol'];
}

/**
 * `proto` and `port` among the directives; the last one counts, as for OpenVPN.
 *
 * @throws VPN_OVPN_VALUE_INVALID, VPN_OVPN_REMOTE_IPV6
 */
export function readDefaults(
  directives: readonly Directive[],
  file: string,
  outer: Defaults = { port: DEFAULT_PORT, protocol: 'udp' },
): Defaults {
  let { port, protocol } = outer;
  for (const { name, args } of directives) {
    const [value = name] = args;
    if (name.text === 'proto') protocol = readProtocol(value, file);
    if (name.text === 'port' || name.text === 'rport') port = readPort(value, file);
  }
  return { port, protocol };
}

/**
 * @param before how many the profile has in its other blocks already
 * @throws VPN_OVPN_VALUE_INVALID, VPN_OVPN_REMOTE_IPV6, VPN_OVPN_REMOTES_TOO_MANY
 */
export function readRemotes(
  directives: readonly Directive[],
  file: string,
  defaults: Defaults,
  before = 0,
): readonly Remote[] {
  const written = directives.filter(({ name }) => name.text === 'remote');
  const extra = written[MAX_REMOTES - before];
  if (extra !== undefined) {
    throw VmgateError.of(errors.VPN_OVPN_REMOTES_TOO_MANY, { ...at(file, extra.name), limit: MAX_REMOTES });
  }
  return written.map(({ name, args: [host, port, protocol, beyond] }) => {
    if (host === undefined || beyond !== undefined) throw invalid(name, name, 'HOST [PORT [PROTOCOL]]', file);
    return {
      host: readHost(host, file),
      port: port === undefined ? defaults.port : readPort(port, file),
      protocol: protocol === undefined ? defaults.protocol : readProtocol(protocol, file),
    };
  });
}

function readHost(token: Token, file: string): string {
  const host = token.text.toLowerCase().replace(/\.$/, '');
  if (isIPv6(host.replace(/^\[|\]$/g, ''))) throw VmgateError.of(errors.VPN_OVPN_REMOTE_IPV6, at(file, token));
  if (ipv4ToNumber(host) === undefined && !isHostName(host)) {
    throw invalid({ ...token, text: 'remote' }, token, 'a host name or IPv4 address', file);
  }
  return host;
}

function readPort(token: Token, file: string): number {
  const port = parseCount(token.text, 1, 65_535);
  if (port === undefined) throw invalid({ ...token, text: 'the port' }, token, 'a number from 1 to 65535', file);
  return port;
}

function readProtocol(token: Token, file: string): Remote['protocol'] {
  if (IPV6_PROTOCOLS.includes(token.text)) throw VmgateError.of(errors.VPN_OVPN_REMOTE_IPV6, at(file, token));
  const protocol = Object.hasOwn(PROTOCOLS, token.text) ? PROTOCOLS[token.text] : undefined;
  if (protocol === undefined) throw invalid({ ...token, text: 'the protocol' }, token, 'udp or tcp-client', file);
  return protocol;
}

function invalid(what: Token, token: Token, expected: string, file: string): VmgateError {
  return VmgateError.of(errors.VPN_OVPN_VALUE_INVALID, { ...at(file, token), option: what.text, expected });
}
