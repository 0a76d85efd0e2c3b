/**
 * Codes for what can be wrong in an OpenConnect profile. No text or payload ever carries what stands in a `<block>`, nor a
 * line that could not be understood (it may be a piece of a key).
 */
import { error, event } from '../../core/coded.ts';
import { type At, place } from '../positions.ts';
import { PROTOCOL_NAMES } from './protocols.ts';

const sampleAt: At = { file: 'acme.oc', line: 3, column: 1 };
const user = { exit: 2, source: 'user' } as const;
const network = { exit: 4, source: 'environment' } as const;
const again = (file: string) => `correct ${file}, then: vmgate vpn add NAME ${file}`;
const FORMAT = 'docs/using.md, "OpenConnect"';

export const openconnectErrors = {
  VPN_OC_BLOCK_OPEN: error<At>({
    ...user,
    what: (p) => `${place(p)}: this block is not closed before the profile ends`,
    remedy: ({ file }) => again(file),
    sample: sampleAt,
  }),
  VPN_OC_SCRIPT_REFUSED: error<At & { option: string }>({
    ...user,
    what: (p) =>
      `${place(p)}: ${p.option} is refused: vmgate never runs programs from a profile or a server, host checkers among them`,
    remedy: ({ option, file }) =>
      `remove the ${option} line from ${file}; if the server lets nobody in without, it cannot be used with vmgate`,
    sample: { ...sampleAt, option: 'csd-wrapper' },
  }),
  VPN_OC_OPTION_REFUSED: error<At & { option: string; reason: string }>({
    ...user,
    what: (p) => `${place(p)}: ${p.option} is refused: ${p.reason}`,
    remedy: ({ option, file }) => `remove the ${option} line from ${file}, then: vmgate vpn add NAME ${file}`,
    sample: { ...sampleAt, option: 'no-cert-check', reason: 'any server could pass for yours' },
  }),
  VPN_OC_OPTION_UNKNOWN: error<At & { option: string; meant?: string }>({
    ...user,
    what: (p) =>
      `${place(p)}: ${p.option === '' ? 'this line does not begin with' : `${p.option} is not`} an option that vmgate knows`,
    remedy: ({ file, meant }) => (meant === undefined ? `remove the line; ${again(file)}` : `did you mean ${meant}?`),
    sample: { ...sampleAt, option: 'servercret', meant: 'servercert' },
  }),
  VPN_OC_OPTION_REPEATED: error<At & { option: string; firstLine: number }>({
    ...user,
    what: (p) => `${place(p)}: ${p.option} again (first in line ${p.firstLine}); it is not clear which one counts`,
    remedy: ({ option }) => `keep one ${option}`,
    sample: { ...sampleAt, option: 'server', firstLine: 1 },
  }),
  VPN_OC_VALUE_INVALID: error<At & { option: string; expected: string }>({
    ...user,
    what: (p) => `${place(p)}: the value of ${p.option} is not ${p.expected}`,
    remedy: ({ file }) => again(file),
    sample: { ...sampleAt, option: 'server', expected: 'https://HOST, with :PORT where it is not 443' },
  }),
  VPN_OC_PROTOCOL_UNTRIED: error<At & { protocol: string }>({
    ...user,
    what: (p) =>
      `${place(p)}: protocol ${p.protocol} is refused: of openconnect's protocols vmgate was tried with ${PROTOCOL_NAMES} alone`,
    remedy: () => 'ask your administrator for one of these, OpenVPN, IKEv2 or WireGuard; nothing was stored',
    sample: { ...sampleAt, protocol: 'pulse' },
  }),
  VPN_OC_XML_LIST: error<At>({
    ...user,
    what: (p) =>
      `${place(p)}: this is a list of servers for Cisco's own client; it does not say how a server proves itself`,
    remedy: () => `write two lines with its HostAddress, server=https://HOST and servercert or cafile (${FORMAT})`,
    sample: { ...sampleAt, file: 'acme.xml' },
  }),
  VPN_OC_SERVER_MISSING: error<At>({
    ...user,
    what: (p) => `${place(p)}: the profile ends without a server, so there is nobody to connect to`,
    remedy: ({ file }) => `add the line server=https://HOST to ${file}, then: vmgate vpn add NAME ${file}`,
    sample: sampleAt,
  }),
  VPN_OC_SERVER_IPV6: error<At>({
    ...user,
    what: (p) => `${place(p)}: this is an IPv6 address; the uplink is IPv4 now`,
    remedy: () => "use the server's name or IPv4 address",
    sample: sampleAt,
  }),
  VPN_OC_IDENTITY_MISSING: error<At>({
    ...user,
    what: (p) =>
      `${place(p)}: the profile has neither servercert nor cafile, so any server could pass for yours; vmgate takes no public authority for granted`,
    remedy: ({ file }) =>
      `ask your administrator for the server's pin (pin-sha256:..) or its authority's certificate, and add it to ${file} (${FORMAT})`,
    sample: sampleAt,
  }),
  VPN_OC_PAIR_BROKEN: error<At & { has: string; lacks: string }>({
    ...user,
    what: (p) => `${place(p)}: the profile has ${p.has} but no ${p.lacks}`,
    remedy: ({ file, lacks }) => `add ${lacks} to ${file}, then: vmgate vpn add NAME ${file}`,
    sample: { ...sampleAt, has: 'certificate', lacks: 'sslkey' },
  }),
  VPN_OC_FILE_REFUSED: error<At & { option: string; reason: string }>({
    ...user,
    what: (p) => `${place(p)}: the file that ${p.option} names is not used: ${p.reason}`,
    remedy: ({ option, file }) =>
      `put the file beside ${file} and its plain name into the line, or what it holds between <${option}> and </${option}>`,
    sample: { ...sampleAt, option: 'cafile', reason: 'there is no such file beside the profile' },
  }),
  VPN_OC_MATERIAL_INVALID: error<At & { option: string; expected: string }>({
    ...user,
    what: (p) => `${place(p)}: what ${p.option} holds is not ${p.expected}`,
    remedy: () => 'get the file again from your administrator',
    sample: { ...sampleAt, option: 'cafile', expected: 'PEM certificates' },
  }),
  VPN_OC_KEY_ENCRYPTED: error<At>({
    ...user,
    what: (p) => `${place(p)}: this private key is encrypted with a password`,
    remedy: () => 'openssl pkey -in KEY -out KEY.plain, and name that one; vmgate keeps it in a 0600 file',
    sample: sampleAt,
  }),
  VPN_OC_KEY_OTHER: error<At>({
    ...user,
    what: (p) => `${place(p)}: this private key does not belong to the certificate of the profile`,
    remedy: () => 'get certificate and key again from your administrator, both from the same place',
    sample: sampleAt,
  }),
  VPN_OC_CERTIFICATE_EXPIRED: error<At & { option: string; until: string }>({
    ...user,
    what: (p) => `${place(p)}: the certificate of ${p.option} was valid until ${p.until}`,
    remedy: () => "ask your administrator for a new one; if it is valid, this machine's clock is wrong: check: date",
    sample: { ...sampleAt, option: 'certificate', until: '2026-01-31' },
  }),
  VPN_OC_CERTIFICATE_EARLY: error<At & { option: string; from: string }>({
    ...user,
    what: (p) => `${place(p)}: the certificate of ${p.option} is valid from ${p.from} on, which is not yet`,
    remedy: () => "this machine's clock is wrong, or the certificate is: check: date",
    sample: { ...sampleAt, option: 'cafile', from: '2031-01-31' },
  }),
  VPN_OC_LOGIN_UNKNOWN: error<At>({
    ...user,
    what: (p) => `${place(p)}: the profile has no certificate, so its server asks for a user name and a password`,
    remedy: ({ file }) =>
      `vmgate vpn add NAME ${file} --user USER   (asks for the password; --password-file FILE reads it, - from stdin)`,
    sample: sampleAt,
  }),
  VPN_OC_USER_OTHER: error<At>({
    ...user,
    what: (p) => `${place(p)}: the profile is for another user than --user says`,
    remedy: ({ file }) => `give --user as ${file} has it, or remove the line`,
    sample: sampleAt,
  }),
  VPN_OC_ROUTES_MISSING: error<At>({
    ...user,
    what: (p) =>
      `${place(p)}: --split needs "route=NETWORK/LENGTH" lines: what the server says about routes is never believed`,
    remedy: ({ file }) =>
      `add the lines to ${file}, or add the profile without --split: then everything goes through it`,
    sample: sampleAt,
  }),
  VPN_OC_ASKS_MORE: error<{ endpoint: string; prompt: string }>({
    ...network,
    what: ({ endpoint, prompt }) =>
      `the VPN server ${endpoint} asks for more than the profile has an answer to: ${JSON.stringify(prompt)}`,
    remedy: () =>
      'if that is a one-time code, add the line challenge=QUESTION to the profile, if it is a choice, authgroup=CHOICE: vmgate down; vmgate vpn remove NAME; then add it again',
    sample: { endpoint: '198.51.100.10:443/tcp', prompt: 'Please enter your OTP password.' },
  }),
  VPN_OC_ELSEWHERE: error<{ endpoint: string; where: string }>({
    ...network,
    what: ({ endpoint, where }) =>
      `the VPN server ${endpoint} sends its clients on to ${where}; vmgate speaks to the server of the profile alone, and its firewall lets nothing else out`,
    remedy: ({ where }) =>
      `if your administrator says that ${where} is the one: vmgate down; vmgate vpn remove NAME; then add the profile again with server=https://${where} and what proves that one`,
    sample: { endpoint: '198.51.100.10:443/tcp', where: 'gw2.acme.example' },
  }),
  VPN_OC_BROWSER: error<{ endpoint: string }>({
    ...network,
    what: ({ endpoint }) =>
      `the VPN server ${endpoint} lets nobody in who does not sign in on a web page (SAML); vmgate shows no server's pages`,
    remedy: () => 'ask its administrator for a login by password, code or certificate; vmgate down ends the attempts',
    sample: { endpoint: '198.51.100.10:443/tcp' },
  }),
  VPN_OC_HOST_CHECK: error<{ endpoint: string }>({
    ...network,
    what: ({ endpoint }) =>
      `the VPN server ${endpoint} lets nobody in who does not run its host checker, a program that it sends; vmgate runs no such program`,
    remedy: () => 'ask its administrator to let this client in without; vmgate down ends the attempts',
    sample: { endpoint: '198.51.100.10:443/tcp' },
  }),
};

export const openconnectEvents = {
  VPN_OC_IGNORED: event<At & { option: string; reason: string }>({
    level: 'info',
    text: (p) => `${place(p)}: ${p.option} is ignored: ${p.reason}`,
    sample: { ...sampleAt, option: 'deflate', reason: 'nothing is compressed' },
  }),
};
