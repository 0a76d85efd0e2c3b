/**
 * Codes for what can be wrong in an OpenVPN profile. No text or payload ever carries what stands in a `<block>`, nor a
 * line that could not be understood (it may be a piece of a key).
 */
import { error, event } from '../../core/coded.ts';
import { type At, place } from '../positions.ts';

const sampleAt: At = { file: 'acme.ovpn', line: 7, column: 1 };
const user = { exit: 2, source: 'user' } as const;
const again = (file: string) => `correct ${file}, then: vmgate vpn add NAME ${file}`;
const whole = 'download the complete profile from your provider and add that';

export const openvpnErrors = {
  VPN_OVPN_LINE_GARBLED: error<At>({
    ...user,
    what: (p) =>
      `${place(p)}: a quote that is not closed, a backslash before an ordinary character, or over 15 arguments`,
    remedy: ({ file }) => again(file),
    sample: sampleAt,
  }),
  VPN_OVPN_BLOCK_OPEN: error<At>({
    ...user,
    what: (p) => `${place(p)}: this block is not closed before the profile ends`,
    remedy: () => whole,
    sample: sampleAt,
  }),
  VPN_OVPN_SCRIPT_REFUSED: error<At & { option: string }>({
    ...user,
    what: (p) =>
      `${place(p)}: ${p.option} is refused: vmgate never runs programs from a profile: they would run with all rights, whoever wrote the file`,
    remedy: ({ option, file }) =>
      `remove the ${option} line from ${file}; vmgate's own firewall, routes and resolver do its work`,
    sample: { ...sampleAt, option: 'up' },
  }),
  VPN_OVPN_OPTION_REFUSED: error<At & { option: string; reason: string }>({
    ...user,
    what: (p) => `${place(p)}: ${p.option} is refused: ${p.reason}`,
    remedy: ({ option, file }) => `remove the ${option} line from ${file}, or ask your provider for a profile without`,
    sample: { ...sampleAt, option: 'secret', reason: 'a shared static key does not prove who the server is' },
  }),
  VPN_OVPN_OPTION_UNKNOWN: error<At & { option: string; meant?: string }>({
    ...user,
    what: (p) =>
      `${place(p)}: ${p.option === '' ? 'this line does not begin with' : `${p.option} is not`} an option that vmgate knows`,
    remedy: ({ file, meant }) => (meant === undefined ? `remove the line; ${again(file)}` : `did you mean ${meant}?`),
    sample: { ...sampleAt, option: 'remot', meant: 'remote' },
  }),
  VPN_OVPN_OPTION_REPEATED: error<At & { option: string; firstLine: number }>({
    ...user,
    what: (p) => `${place(p)}: ${p.option} again (first in line ${p.firstLine}); it is not clear which one counts`,
    remedy: ({ option }) => `keep one ${option}`,
    sample: { ...sampleAt, option: 'ca', firstLine: 5 },
  }),
  VPN_OVPN_VALUE_INVALID: error<At & { option: string; expected: string }>({
    ...user,
    what: (p) => `${place(p)}: what follows ${p.option} is not ${p.expected}`,
    remedy: ({ file }) => again(file),
    sample: { ...sampleAt, option: 'proto', expected: 'udp or tcp-client' },
  }),
  VPN_OVPN_REMOTE_MISSING: error<At>({
    ...user,
    what: (p) => `${place(p)}: the profile ends without a remote, so there is nobody to connect to`,
    remedy: () => 'this looks like a server\'s file; use the client\'s, with a "remote HOST PORT" line',
    sample: sampleAt,
  }),
  VPN_OVPN_REMOTES_TOO_MANY: error<At & { limit: number }>({
    ...user,
    what: (p) => `${place(p)}: more than ${p.limit} remotes`,
    remedy: ({ limit }) => `keep the ${limit} remotes that you use`,
    sample: { ...sampleAt, limit: 64 },
  }),
  VPN_OVPN_REMOTE_IPV6: error<At>({
    ...user,
    what: (p) => `${place(p)}: this is an IPv6 address or protocol; the uplink is IPv4 now`,
    remedy: () => "use the server's name or IPv4 address, and udp or tcp",
    sample: sampleAt,
  }),
  VPN_OVPN_IDENTITY_MISSING: error<At>({
    ...user,
    what: (p) => `${place(p)}: the profile has neither ca nor peer-fingerprint, so any server could pass for yours`,
    remedy: () => whole,
    sample: sampleAt,
  }),
  VPN_OVPN_LOGIN_MISSING: error<At>({
    ...user,
    what: (p) => `${place(p)}: the profile has neither cert and key nor auth-user-pass, so the server cannot know you`,
    remedy: () => whole,
    sample: sampleAt,
  }),
  VPN_OVPN_PAIR_BROKEN: error<At & { has: string; lacks: string }>({
    ...user,
    what: (p) => `${place(p)}: the profile has ${p.has} but no ${p.lacks}`,
    remedy: () => whole,
    sample: { ...sampleAt, has: 'cert', lacks: 'key' },
  }),
  VPN_OVPN_FILE_REFUSED: error<At & { option: string; reason: string }>({
    ...user,
    what: (p) => `${place(p)}: the file that ${p.option} names is not used: ${p.reason}`,
    remedy: ({ option, file }) =>
      `put what the file holds into ${file}, between <${option}> and </${option}>, or the file beside it`,
    sample: { ...sampleAt, option: 'ca', reason: 'there is no such file beside the profile' },
  }),
  VPN_OVPN_PASSWORD_FILE: error<At>({
    ...user,
    what: (p) => `${place(p)}: a user name and password in a profile or in a file that it names are not used`,
    remedy: ({ file }) => `write auth-user-pass alone in its line of ${file}; no password belongs in a profile`,
    sample: sampleAt,
  }),
  VPN_OVPN_MATERIAL_INVALID: error<At & { option: string; expected: string }>({
    ...user,
    what: (p) => `${place(p)}: what ${p.option} holds is not ${p.expected}`,
    remedy: () => whole,
    sample: { ...sampleAt, option: 'ca', expected: 'a PEM certificate' },
  }),
  VPN_OVPN_KEY_ENCRYPTED: error<At>({
    ...user,
    what: (p) => `${place(p)}: this private key is encrypted with a password`,
    remedy: () => 'openssl pkey -in KEY -out KEY.plain, and put that into the profile; vmgate keeps it in a 0600 file',
    sample: sampleAt,
  }),
  VPN_OVPN_KEY_OTHER: error<At>({
    ...user,
    what: (p) => `${place(p)}: this private key does not belong to the certificate of the profile`,
    remedy: () => whole,
    sample: sampleAt,
  }),
  VPN_OVPN_CERTIFICATE_EXPIRED: error<At & { option: string; until: string }>({
    ...user,
    what: (p) => `${place(p)}: the certificate of ${p.option} was valid until ${p.until}`,
    remedy: () => "ask your provider for a new profile; if it is valid, this machine's clock is wrong: check: date",
    sample: { ...sampleAt, option: 'cert', until: '2026-01-31' },
  }),
  VPN_OVPN_CERTIFICATE_EARLY: error<At & { option: string; from: string }>({
    ...user,
    what: (p) => `${place(p)}: the certificate of ${p.option} is valid from ${p.from} on, which is not yet`,
    remedy: () => "this machine's clock is wrong, or the profile is: check: date",
    sample: { ...sampleAt, option: 'ca', from: '2027-01-31' },
  }),
  VPN_OVPN_CIPHER_WEAK: error<At & { cipher: string }>({
    ...user,
    what: (p) => `${place(p)}: ${p.cipher} protects nothing, or can be broken`,
    remedy: () => 'ask for a profile with data-ciphers AES-256-GCM, which every server since 2016 (2.4) speaks',
    sample: { ...sampleAt, cipher: 'BF-CBC' },
  }),
  VPN_OVPN_ROUTE_OUTSIDE: error<At>({
    ...user,
    what: (p) => `${place(p)}: this route leads around the tunnel`,
    remedy: ({ file }) => `remove the line from ${file}; what is not for the tunnel is dropped, never sent in clear`,
    sample: sampleAt,
  }),
  VPN_OVPN_WRAPS_SEVERAL: error<At & { option: string; firstLine: number }>({
    ...user,
    what: (p) =>
      `${place(p)}: ${p.option} beside the one in line ${p.firstLine}: one of tls-auth, tls-crypt, tls-crypt-v2`,
    remedy: () => whole,
    sample: { ...sampleAt, option: 'tls-crypt', firstLine: 5 },
  }),
  VPN_OVPN_LOGIN_UNKNOWN: error<At>({
    ...user,
    what: (p) => `${place(p)}: the server of this profile asks for a user name and a password (auth-user-pass)`,
    remedy: ({ file }) =>
      `vmgate vpn add NAME ${file} --user USER   (asks for the password; --password-file FILE reads it, - from stdin)`,
    sample: sampleAt,
  }),
  VPN_OVPN_ROUTES_MISSING: error<At>({
    ...user,
    what: (p) =>
      `${place(p)}: --split needs "route NETWORK MASK" lines: what the server says about routes is never believed`,
    remedy: ({ file }) =>
      `add the lines to ${file}, or add the profile without --split: then everything goes through it`,
    sample: sampleAt,
  }),
};

/** Accepted, but without effect. */
export const openvpnEvents = {
  VPN_OPTION_IGNORED: event<At & { option: string; reason: string }>({
    level: 'info',
    text: (p) => `${place(p)}: ${p.option} is ignored: ${p.reason}`,
    sample: { ...sampleAt, option: 'float', reason: 'the tunnel ends at the one address that was pinned' },
  }),
  VPN_OVPN_SERVER_PURPOSE: event<At>({
    level: 'info',
    text: (p) =>
      `${place(p)}: the profile does not say how to tell the server from other clients; its certificate must be a server's (remote-cert-tls server)`,
    sample: sampleAt,
  }),
};
