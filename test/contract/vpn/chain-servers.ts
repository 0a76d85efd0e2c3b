/** VPN servers for the hops of a chain, each the real program, and what a client of theirs has. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { PlannedProfile } from '../../../src/vpn/kind.ts';
import { planOpenConnect } from '../../../src/vpn/openconnect/plan.ts';
import { planOpenVpn } from '../../../src/vpn/openvpn/plan.ts';

export type ServerKind = 'wireguard' | 'openvpn' | 'openvpn-tcp' | 'openconnect' | 'openconnect-slow';

export interface Place {
  /** The server's, and its interface's name there. */
  readonly address: string;
  readonly card: string;
  readonly inside: string;
  readonly client: string;
}

interface DaemonServer {
  readonly planned: PlannedProfile;
  readonly argv: readonly string[];
}

/** Where the servers of a chain listen. */
export const SERVER_PORT = 51_820;
const OPTIONS = { split: false, dns: [] };

/** Its files come into `folder`. */
export function daemonServer(kind: Exclude<ServerKind, 'wireguard'>, folder: string, place: Place): DaemonServer {
  const pki = makePki(folder);
  return kind === 'openvpn' || kind === 'openvpn-tcp'
    ? openvpn(folder, place, pki, kind === 'openvpn-tcp' ? 'tcp' : 'udp')
    : openconnect(folder, place, pki, kind === 'openconnect');
}

interface Pki {
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

/** One certificate for both ends: nobody here means to deceive. */
function makePki(folder: string): Pki {
  const file = (name: string) => path.join(folder, name);
  const make = (name: string, ...argv: readonly string[]) => {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', file(`${name}.key`)];
    const own = ['-subj', `/CN=${name}.example`, '-days', '30', '-out', file(`${name}.pem`)];
    execFileSync('openssl', ['req', '-x509', ...key, ...own, ...argv], { stdio: 'ignore' });
    return [text(file(`${name}.pem`)), text(file(`${name}.key`))] as const;
  };
  const [authority] = make('ca', '-addext', 'keyUsage=critical,keyCertSign');
  const extensions = [
    'basicConstraints=CA:FALSE',
    'keyUsage=digitalSignature',
    'extendedKeyUsage=serverAuth,clientAuth',
    'subjectAltName=DNS:vpn.example',
  ].flatMap((line) => ['-addext', line]);
  const [certificate, key] = make('vpn', '-CA', file('ca.pem'), '-CAkey', file('ca.key'), ...extensions);
  return { authority, certificate, key };
}

function text(file: string): string {
  return execFileSync('cat', [file], { encoding: 'utf8' });
}

function openvpn(folder: string, place: Place, pki: Pki, protocol: 'tcp' | 'udp'): DaemonServer {
  const block = (name: string, pem: string) => `<${name}>\n${pem.trim()}\n</${name}>\n`;
  const profile = [
    'client\ndev tun\nremote-cert-tls server\nverify-x509-name vpn.example name\n',
    `remote ${place.address} ${SERVER_PORT} ${protocol === 'tcp' ? 'tcp-client' : 'udp'}\n`,
    `${block('ca', pki.authority)}${block('cert', pki.certificate)}${block('key', pki.key)}`,
  ].join('');
  const clients = path.join(folder, 'clients');
  execFileSync('mkdir', ['-p', clients]);
  writeFileSync(path.join(clients, 'DEFAULT'), `ifconfig-push ${place.client} 255.255.255.0\n`);
  const config = [
    ...[
      `cd ${folder}`,
      `dev ${place.card}`,
      'dev-type tun',
      'mode server',
      'tls-server',
      'topology subnet',
      'tun-mtu 1420',
    ],
    ...(protocol === 'tcp' ? ['proto tcp4-server'] : ['proto udp4', 'multihome']),
    ...[`port ${SERVER_PORT}`, `ifconfig ${place.inside} 255.255.255.0`, 'ca ca.pem', 'cert vpn.pem', 'key vpn.key'],
    ...['dh none', 'client-config-dir clients', 'duplicate-cn', 'keepalive 5 20', 'push "topology subnet"'],
    `push "dhcp-option DNS ${place.inside}"`,
  ];
  writeFileSync(path.join(folder, 'server.conf'), `${config.join('\n')}\n`);
  return {
    planned: planOpenVpn(profile, 'office.ovpn', OPTIONS, () => undefined, Date.now()),
    argv: ['openvpn', '--config', path.join(folder, 'server.conf')],
  };
}

function openconnect(folder: string, place: Place, pki: Pki, datagrams: boolean): DaemonServer {
  const block = (name: string, pem: string) => `<${name}>\n${pem.trim()}\n</${name}>\n`;
  const profile = [
    `protocol=anyconnect\nserver=https://vpn.example:${SERVER_PORT}\nresolve=vpn.example:${place.address}\n`,
    `${block('cafile', pki.authority)}${block('certificate', pki.certificate)}${block('sslkey', pki.key)}`,
  ].join('');
  const config = [
    ...[
      'auth = "certificate"',
      `ca-cert = ${folder}/ca.pem`,
      'cert-user-oid = 2.5.4.3',
      `listen-host = ${place.address}`,
    ],
    ...[`server-cert = ${folder}/vpn.pem`, `server-key = ${folder}/vpn.key`, `tcp-port = ${SERVER_PORT}`],
    ...(datagrams ? [`udp-port = ${SERVER_PORT}`] : []),
    ...['run-as-user = root', 'run-as-group = root', `socket-file = ${folder}/oc.sock`, 'isolate-workers = false'],
    ...[
      'use-occtl = false',
      `device = ${place.card}`,
      `ipv4-network = ${place.inside.replace(/1$/, '0')}`,
      'ipv4-netmask = 255.255.255.0',
    ],
    ...[
      'max-same-clients = 8',
      'min-reauth-time = 0',
      'ping-leases = false',
      `dns = ${place.inside}`,
      'dpd = 5',
      'keepalive = 30',
      'max-ban-score = 0',
    ],
    ...['cisco-client-compat = true', 'default-domain = example', 'mtu = 1400', 'predictable-ips = true'],
  ];
  writeFileSync(path.join(folder, 'server.conf'), `${config.join('\n')}\n`);
  return {
    planned: planOpenConnect(profile, 'office.oc', OPTIONS, () => undefined, Date.now()),
    argv: ['ocserv', '-c', path.join(folder, 'server.conf'), '-f', '-d', '1'],
  };
}
