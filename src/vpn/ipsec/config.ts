/**
 * The files that the gateway's charon is started with, written from {@link IkeSettings} alone. It opens its socket and puts
 * keys and policies of the one interface into the kernel, and nothing else: addresses, routes and resolvers that the server
 * sends are told by its updown plugin, judged on the host and set by the gateway (strongswan.conf(5), swanctl.conf(5), 6.0).
 */
import type { IkeSettings } from './settings.ts';

export interface ClientSocket {
  /** The pinned literal address. */
  readonly address: string;
  readonly port: number;
  readonly localPort: number;
  readonly mark: number;
}

/** Of the gateway (kind-ipsec.sh). */
const FOLDER = '/run/vmgate/ipsec';
/** Of the tunnel's interface there: what has it goes that way and no other. */
const IF_ID = 1;

/**
 * Everything in it is authenticated, has 128 bits or more and a group of 2048 bits or an elliptic curve. The first group is
 * the one that is tried; a server that wants another says so.
 */
const GROUPS = 'x25519-ecp256-ecp384-modp3072-modp2048';
const IKE = [
  `aes256gcm16-aes128gcm16-prfsha512-prfsha384-prfsha256-${GROUPS}`,
  `aes256-aes128-sha512-sha384-sha256-${GROUPS}`,
];
const ESP = ['aes256gcm16-aes128gcm16', 'aes256-aes128-sha256'];

/** In the order in which charon registers what they can do. */
const PLUGINS = [
  ...['nonce', 'openssl', 'pem', 'pkcs1', 'pkcs8', 'kernel-netlink', 'socket-default', 'vici', 'updown'],
  ...['eap-identity', 'eap-mschapv2', 'eap-tls'],
];

/** File name to content; secrets among them: for the gateway's stdin alone. */
export function renderFiles(settings: IkeSettings, socket: ClientSocket): ReadonlyMap<string, string> {
  const { credentials, authorities, pinned } = settings;
  const own = 'certificates' in credentials ? credentials.certificates : [];
  return new Map([
    ['strongswan.conf', strongswan(socket)],
    ['swanctl.conf', swanctl(settings, socket)],
    ...authorities.map((pem, index) => [`x509ca/${index}.pem`, pem] as const),
    ...pinned.map((pem, index) => [`x509/server-${index}.pem`, pem] as const),
    ...own.map((pem, index) => [`x509/own-${index}.pem`, pem] as const),
    ...('key' in credentials ? [['private/own.pem', credentials.key] as const] : []),
  ]);
}

type Section = { readonly [key: string]: string | number | Section };

function strongswan({ localPort, mark }: ClientSocket): string {
  return render({
    charon: {
      load: PLUGINS.join(' '),
      // The one that takes IKE and ESP; the other is closed to everybody by the firewall.
      port_nat_t: localPort,
      port: 0,
      // No peer begins anything with this gateway.
      initiator_only: 'yes',
      install_routes: 'no',
      install_virtual_ip: 'no',
      routing_table: 0,
      // Silence is told after 10 s; no frame is longer than an uplink of 1280 bytes carries (RFC 7383).
      retransmit_tries: 3,
      retransmit_timeout: '1.5',
      retransmit_base: '1.4',
      fragment_size: 1_280,
      filelog: { stderr: { default: 1 } },
      plugins: {
        'socket-default': { fwmark: mark, use_ipv6: 'no' },
        'kernel-netlink': { fwmark: mark, roam_events: 'no' },
        vici: { socket: `unix://${FOLDER}/vici` },
        updown: { dns_handler: 'yes' },
      },
    },
    swanctl: { load: 'openssl pem pkcs1 pkcs8' },
  });
}

function swanctl(settings: IkeSettings, socket: ClientSocket): string {
  const { serverId, credentials, authorities, pinned } = settings;
  const files = (folder: string, name: string, list: readonly string[]) =>
    list.map((_, index) => `${FOLDER}/${folder}/${name}${index}.pem`).join(', ');
  const proof: Section =
    credentials.auth === 'psk'
      ? { auth: 'psk' }
      : {
          auth: 'pubkey',
          ...(authorities.length > 0 ? { cacerts: files('x509ca', '', authorities) } : {}),
          ...(pinned.length > 0 ? { certs: files('x509', 'server-', pinned) } : {}),
        };
  return `${render({
    connections: {
      vpn: {
        version: 2,
        remote_addrs: socket.address,
        // From the first packet on where ESP will be (RFC 7296, section 2.23): one port, and no other opens.
        remote_port: socket.port,
        local_port: socket.localPort,
        vips: settings.networks.some((network) => network.includes(':')) ? '0.0.0.0, ::' : '0.0.0.0',
        encap: 'yes',
        fragmentation: 'yes',
        mobike: 'no',
        keyingtries: 1,
        dpd_delay: '10s',
        proposals: proposalsOf(settings.ike, IKE),
        local: ownSide(settings),
        remote: { ...proof, id: quoted(serverId) },
        children: {
          net: {
            local_ts: 'dynamic',
            remote_ts: settings.networks.join(', '),
            esp_proposals: proposalsOf(settings.esp, ESP),
            if_id_in: IF_ID,
            if_id_out: IF_ID,
            set_mark_out: socket.mark,
            // What a packet of a work VM is for is nobody's business outside.
            copy_dscp: 'no',
            copy_ecn: 'no',
            dpd_action: 'clear',
            updown: '/usr/sbin/vmgate-ipsec-updown',
          },
        },
      },
    },
    secrets: secretsOf(settings),
  })}include local.conf\n`;
}

function ownSide({ credentials, serverId }: IkeSettings): Section {
  const id = (own: string | undefined): Section => (own === undefined ? {} : { id: quoted(own) });
  switch (credentials.auth) {
    case 'psk':
      return { auth: 'psk', ...id(credentials.id) };
    case 'certificate':
      return { auth: 'pubkey', certs: `${FOLDER}/x509/own-0.pem`, ...id(credentials.id) };
    case 'eap-tls':
      // The same server behind it, not any that an authority vouches for.
      return { auth: 'eap-tls', certs: `${FOLDER}/x509/own-0.pem`, aaa_id: quoted(serverId), ...id(credentials.id) };
    case 'eap-mschapv2':
      return { auth: 'eap-mschapv2', eap_id: quoted(credentials.user), ...id(credentials.id ?? credentials.user) };
  }
}

function secretsOf({ credentials, serverId }: IkeSettings): Section {
  const encoded = (text: string) => `0s${Buffer.from(text, 'utf8').toString('base64')}`;
  switch (credentials.auth) {
    case 'psk':
      return { ike: { id: quoted(serverId), secret: encoded(credentials.psk) } };
    case 'eap-mschapv2':
      return { eap: { id: quoted(credentials.user), secret: encoded(credentials.password) } };
    default:
      return {};
  }
}

function proposalsOf(said: readonly string[], own: readonly string[]): string {
  return (said.length > 0 ? said : own).join(', ');
}

/** A value in strongSwan's double quotes. */
function quoted(text: string): string {
  return `"${text.replace(/[\\"]/g, '\\$&')}"`;
}

function render(section: Section, indent = ''): string {
  return Object.entries(section)
    .map(([key, value]) =>
      typeof value === 'object'
        ? `${indent}${key} {\n${render(value, `${indent}  `)}${indent}}\n`
        : `${indent}${key} = ${value}\n`,
    )
    .join('');
}
