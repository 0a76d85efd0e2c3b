/** Codes for what can be wrong in a profile for IKEv2, whichever of the three formats it is in. No value is ever quoted. */
import { error, event } from '../../core/coded.ts';
import { type At, place } from '../positions.ts';

const sampleAt: At = { file: 'acme.yaml', line: 4, column: 3 };
const user = { exit: 2, source: 'user' } as const;
const again = (file: string) => `correct ${file}, then: vmgate vpn add NAME ${file}`;
const whole = 'get the file again from your provider, as it was downloaded';
const inYaml = 'put it into a YAML profile as PEM (docs/using.md, "IKEv2"), and add that';

export const ipsecErrors = {
  VPN_IKE_SYNTAX: error<At & { format: string; why: string }>({
    ...user,
    what: (p) => `${place(p)}: this is no ${p.format}: ${p.why}`,
    remedy: ({ file }) => again(file),
    sample: { ...sampleAt, format: 'YAML', why: 'the quote is not closed' },
  }),
  VPN_IKE_HOSTILE: error<At & { found: string }>({
    ...user,
    what: (p) => `${place(p)}: ${p.found}; no VPN client writes that, and it is not read`,
    remedy: () => whole,
    sample: { ...sampleAt, file: 'acme.mobileconfig', found: 'XML that defines entities of its own' },
  }),
  VPN_IKE_KEY_UNKNOWN: error<At & { key: string; meant?: string | undefined }>({
    ...user,
    what: (p) => `${place(p)}: ${p.key} is no key of an IKEv2 profile`,
    remedy: ({ file, meant }) => (meant === undefined ? `remove it; ${again(file)}` : `did you mean ${meant}?`),
    sample: { ...sampleAt, key: 'sever', meant: 'server' },
  }),
  VPN_IKE_KEY_MISSING: error<At & { key: string }>({
    ...user,
    what: (p) => `${place(p)}: the profile does not say ${p.key}`,
    remedy: ({ file }) => again(file),
    sample: { ...sampleAt, key: 'server' },
  }),
  VPN_IKE_VALUE: error<At & { key: string; expected: string }>({
    ...user,
    what: (p) => `${place(p)}: the value of ${p.key} is not what it must be: ${p.expected}`,
    remedy: ({ file }) => again(file),
    sample: { ...sampleAt, key: 'server', expected: 'a host name or an IPv4 address' },
  }),
  VPN_IKE_PAYLOAD_MISSING: error<At>({
    ...user,
    what: (p) =>
      `${place(p)}: this configuration profile has no VPN payload (com.apple.vpn.managed) with an IKEv2 part`,
    remedy: () => 'ask for the profile of the VPN itself; others only bring certificates or settings',
    sample: { ...sampleAt, file: 'acme.mobileconfig' },
  }),
  VPN_IKE_OTHER_VPN: error<At & { type: string }>({
    ...user,
    what: (p) =>
      `${place(p)}: a VPN of the type ${JSON.stringify(p.type)}, and of this format vmgate reads IKEv2 alone`,
    remedy: () => 'ask your administrator for IKEv2, WireGuard or OpenVPN; nothing was stored',
    sample: { ...sampleAt, file: 'acme.mobileconfig', type: 'L2TP' },
  }),
  VPN_IKE_AUTH_NOT_YET: error<At & { how: string }>({
    ...user,
    what: (p) => `${place(p)}: logging in by ${p.how} cannot be done yet`,
    remedy: () => 'ask for a pre-shared key, a certificate, EAP-MSCHAPv2 or EAP-TLS; nothing was stored',
    sample: { ...sampleAt, how: 'a pre-shared key and EAP together' },
  }),
  VPN_IKE_PKCS12_LOCKED: error<At>({
    ...user,
    what: (p) =>
      `${place(p)}: the certificate and its key are in a PKCS #12 file, and the profile has no password that opens it`,
    remedy: () =>
      `openssl pkcs12 -in FILE.p12 -nodes   asks for the password and shows both as PEM: ${inYaml}, as certificate and key`,
    sample: { ...sampleAt, file: 'acme.mobileconfig' },
  }),
  VPN_IKE_PKCS12_UNREADABLE: error<At & { why: string }>({
    ...user,
    what: (p) => `${place(p)}: the certificate and its key are in a PKCS #12 file that cannot be read: ${p.why}`,
    remedy: () =>
      `openssl pkcs12 -legacy -in FILE.p12 -nodes   shows both as PEM: ${inYaml}, as certificate and key; or ask for a new one`,
    sample: { ...sampleAt, file: 'acme.mobileconfig', why: 'it is encrypted as before 2010 (RC2)' },
  }),
  VPN_IKE_AUTHORITY_MISSING: error<At>({
    ...user,
    what: (p) =>
      `${place(p)}: the profile names no authority whose certificates prove the server; vmgate takes no public one for granted`,
    remedy: () => `ask your administrator for the certificate of the server's authority: ${inYaml}, as authority`,
    sample: sampleAt,
  }),
  VPN_IKE_MATERIAL_INVALID: error<At & { key: string; expected: string }>({
    ...user,
    what: (p) => `${place(p)}: ${p.key} is not ${p.expected}`,
    remedy: () => whole,
    sample: { ...sampleAt, key: 'certificate', expected: 'PEM certificates' },
  }),
  VPN_IKE_CERTIFICATE_EXPIRED: error<At & { key: string; until: string }>({
    ...user,
    what: (p) => `${place(p)}: the certificate in ${p.key} expired on ${p.until}`,
    remedy: () => "ask your administrator for a new one; if it should be valid, check this machine's clock: date",
    sample: { ...sampleAt, key: 'certificate', until: '2025-03-01' },
  }),
  VPN_IKE_CERTIFICATE_EARLY: error<At & { key: string; from: string }>({
    ...user,
    what: (p) => `${place(p)}: the certificate in ${p.key} is not valid before ${p.from}`,
    remedy: () => "check this machine's clock: date",
    sample: { ...sampleAt, key: 'authority', from: '2031-01-01' },
  }),
  VPN_IKE_KEY_ENCRYPTED: error<At>({
    ...user,
    what: (p) => `${place(p)}: the private key is encrypted with a passphrase, which nobody could type in the gateway`,
    remedy: () => 'openssl pkey -in KEY -out PLAIN-KEY   decrypts it; vmgate keeps profiles readable for you alone',
    sample: sampleAt,
  }),
  VPN_IKE_KEY_OTHER: error<At>({
    ...user,
    what: (p) => `${place(p)}: the private key belongs to another certificate than the profile's`,
    remedy: () => whole,
    sample: sampleAt,
  }),
  VPN_IKE_WEAK: error<At & { algorithm: string }>({
    ...user,
    what: (p) => `${place(p)}: ${p.algorithm} is broken, or within reach of those who record traffic`,
    remedy: () => 'ask your administrator for AES and a group of at least 2048 bits; nothing was stored',
    sample: { ...sampleAt, algorithm: 'modp1024' },
  }),
  VPN_IKE_LOGIN_UNKNOWN: error<At>({
    ...user,
    what: (p) => `${place(p)}: the server of this profile asks for a user name and a password (EAP-MSCHAPv2)`,
    remedy: ({ file }) =>
      `vmgate vpn add NAME ${file} --user USER   (asks for the password; --password-file FILE reads it, - from stdin)`,
    sample: sampleAt,
  }),
  VPN_IKE_ROUTES_MISSING: error<At>({
    ...user,
    what: (p) =>
      `${place(p)}: --split needs networks in the profile: what the server says it carries is never believed`,
    remedy: ({ file }) =>
      `add "routes: [NETWORK/LENGTH]" to ${file}, or add the profile without --split: then everything goes through it`,
    sample: sampleAt,
  }),
};

export const ipsecEvents = {
  VPN_IKE_IGNORED: event<At & { key: string; reason: string }>({
    level: 'info',
    text: (p) => `${place(p)}: ${p.key} is ignored: ${p.reason}`,
    sample: { ...sampleAt, key: 'OnDemandRules', reason: 'vmgate connects when it is told to' },
  }),
};
