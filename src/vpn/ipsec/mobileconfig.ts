/**
 * Apple's configuration profile with an IKEv2 VPN in it (https://developer.apple.com/documentation/devicemanagement/vpn).
 * The XML may come from anywhere: no definitions of its own, bounded depth, and only the payloads that are named here count.
 */
import { DOMParser, ParseError } from '@xmldom/xmldom';
import { parse } from 'plist';
import * as z from 'zod';
import { type CodedEvent, occur, VmgateError } from '../../core/coded.ts';
import { errors, events } from '../codes.ts';
import type { At } from '../positions.ts';
import { proposalOf, security } from './apple-proposal.ts';
import { derToPem } from './der.ts';
import { type DraftField, type IkeAuth, type IkeDraft, type Position, readChecked } from './draft.ts';
import { openPkcs12 } from './material.ts';
import type { Pkcs12 } from './pkcs12.ts';
import * as values from './values.ts';

/** A payload in a list in a dictionary, with dictionaries of parameters: nobody nests deeper. */
const MAX_DEPTH = 16;
const MAX_PAYLOADS = 64;

const bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array, 'data in base64');
const flag = z.union([z.boolean(), z.int()]).transform((value) => value !== false && value !== 0);

const ikev2 = z.looseObject({
  RemoteAddress: values.host,
  RemoteIdentifier: values.identity,
  LocalIdentifier: z.union([z.literal(''), values.identity]).optional(),
  AuthenticationMethod: z.enum(['None', 'SharedSecret', 'Certificate']).default('None'),
  SharedSecret: values.secret.optional(),
  ExtendedAuthEnabled: flag.default(false),
  AuthName: values.user.optional(),
  AuthPassword: values.secret.optional(),
  PayloadCertificateUUID: z.string().optional(),
  IKESecurityAssociationParameters: security.optional(),
  ChildSecurityAssociationParameters: security.optional(),
  EnablePFS: flag.default(false),
  MTU: values.mtu.optional(),
});

const vpn = z.looseObject({
  IKEv2: ikev2,
  DNS: z
    .looseObject({
      ServerAddresses: z.array(values.resolver).max(8).default([]),
      SearchDomains: z.array(values.domain).max(8).default([]),
    })
    .optional(),
});

const anyPayload = z.looseObject({ PayloadType: z.string() });
const profile = z.looseObject({ PayloadContent: z.array(anyPayload).max(MAX_PAYLOADS) });
const identity = z.looseObject({ PayloadContent: bytes, Password: values.secret.default('') });

const VPN = 'com.apple.vpn.managed';
const IDENTITY = 'com.apple.security.pkcs12';
const AUTHORITIES = ['com.apple.security.root', 'com.apple.security.pem', 'com.apple.security.pkcs1'];

/** What would weaken what vmgate does, or has no meaning for it: said, once each. */
const IGNORED: Readonly<Record<string, string>> = {
  OnDemandEnabled: 'vmgate connects when it is told to',
  OnDemandRules: 'vmgate connects when it is told to',
  Proxies: 'programs in a work VM say themselves which proxy they use',
  ExcludeLocalNetworks: 'nothing goes around the tunnel',
};

const FIELDS: Readonly<Partial<Record<DraftField, string>>> = {
  server: 'RemoteAddress',
  serverId: 'RemoteIdentifier',
  id: 'LocalIdentifier',
  auth: 'AuthenticationMethod',
  psk: 'SharedSecret',
  certificate: 'PayloadCertificateUUID',
  key: 'PayloadCertificateUUID',
  user: 'AuthName',
  password: 'AuthPassword',
  dns: 'ServerAddresses',
  ike: 'IKESecurityAssociationParameters',
  esp: 'ChildSecurityAssociationParameters',
  mtu: 'MTU',
};

/**
 * @throws VPN_IKE_HOSTILE, VPN_IKE_SYNTAX, VPN_IKE_PAYLOAD_MISSING, VPN_IKE_OTHER_VPN, VPN_IKE_AUTH_NOT_YET, and what
 * {@link openPkcs12} and {@link readChecked} do
 */
export function readMobileconfig(text: string, file: string): IkeDraft {
  refuseHostile(text, file);
  const place = (offset: number): At => placeAt(text, file, offset);
  const keyAt = (key: string): At => place(Math.max(0, text.indexOf(`<key>${key}</key>`)));
  const keyInVpn = (key: string): At => place(offsetInVpn(text, key));
  const within =
    (where: (key: string) => At): Position =>
    (path) =>
      where(path.filter((part) => typeof part === 'string').at(-1) ?? 'PayloadContent');
  const { PayloadContent: payloads } = readChecked(profile, parsePlist(text, file), within(keyAt), []);
  const found = payloads.filter(({ PayloadType }) => PayloadType === VPN);
  const payload = found.find((each) => each['VPNType'] === 'IKEv2');
  if (payload === undefined) {
    const [other] = found;
    if (other === undefined) throw VmgateError.of(errors.VPN_IKE_PAYLOAD_MISSING, place(0));
    const type = String(other['VPNType']).slice(0, 40);
    throw VmgateError.of(errors.VPN_IKE_OTHER_VPN, { ...keyAt('VPNType'), type });
  }
  const { IKEv2: read, DNS: dns } = readChecked(vpn, payload, within(keyInVpn), []);
  const auth = authOf(read, keyInVpn);
  const own = auth === 'certificate' || auth === 'eap-tls' ? ownPair(read, payloads, keyInVpn) : undefined;
  const authorities = payloads
    .filter(({ PayloadType }) => AUTHORITIES.includes(PayloadType))
    .map((each) => derToPem(readChecked(bytes, each['PayloadContent'], () => keyAt('PayloadContent'), [])));
  return {
    server: read.RemoteAddress,
    port: 4_500,
    serverId: read.RemoteIdentifier,
    id: read.LocalIdentifier === '' ? undefined : read.LocalIdentifier,
    auth,
    psk: read.SharedSecret,
    user: read.AuthName,
    password: read.AuthPassword,
    authority: authorities.length === 0 ? undefined : authorities.join('\n'),
    certificate: own?.certificates,
    key: own?.key,
    ipv6: true,
    routes: [],
    dns: dns?.ServerAddresses ?? [],
    search: dns?.SearchDomains ?? [],
    mtu: read.MTU,
    ike: proposalOf(read.IKESecurityAssociationParameters, keyInVpn('IKESecurityAssociationParameters'), 'ike'),
    esp: espOf(read, keyInVpn),
    notices: ignored(payload, file, text),
    placeOf: (field) => keyInVpn(FIELDS[field] ?? 'IKEv2'),
  };
}

function authOf(read: z.infer<typeof ikev2>, keyAt: (key: string) => At): IkeAuth {
  const notYet = (key: string, how: string) => VmgateError.of(errors.VPN_IKE_AUTH_NOT_YET, { ...keyAt(key), how });
  const { AuthenticationMethod: method, ExtendedAuthEnabled: eap } = read;
  if (method === 'Certificate') return eap ? 'eap-tls' : 'certificate';
  if (method === 'SharedSecret') {
    if (eap) throw notYet('ExtendedAuthEnabled', 'a pre-shared key and EAP together');
    return 'psk';
  }
  if (!eap) throw notYet('AuthenticationMethod', 'nothing at all');
  return read.PayloadCertificateUUID === undefined ? 'eap-mschapv2' : 'eap-tls';
}

/** With EnablePFS each rekeying makes a key of its own group; Apple's algorithms where none are said. */
function espOf(
  { ChildSecurityAssociationParameters: said, EnablePFS: pfs }: z.infer<typeof ikev2>,
  keyAt: (key: string) => At,
): readonly string[] {
  const place = keyAt(said === undefined ? 'EnablePFS' : 'ChildSecurityAssociationParameters');
  return pfs ? proposalOf(said ?? security.parse({}), place, 'esp-pfs') : proposalOf(said, place, 'esp');
}

/** The identity that the VPN's payload names: another payload, with a PKCS #12 file and often its password. */
function ownPair(
  { PayloadCertificateUUID: named }: z.infer<typeof ikev2>,
  payloads: readonly z.infer<typeof anyPayload>[],
  keyAt: (key: string) => At,
): Pkcs12 {
  const place = keyAt('PayloadCertificateUUID');
  const found = payloads.find((each) => named !== undefined && each['PayloadUUID'] === named);
  if (found?.PayloadType !== IDENTITY) {
    throw VmgateError.of(errors.VPN_IKE_KEY_MISSING, { ...place, key: `PayloadCertificateUUID of a ${IDENTITY}` });
  }
  const { PayloadContent: content, Password: password } = readChecked(identity, found, () => place, []);
  return openPkcs12(content, password, place);
}

function ignored(payload: object, file: string, text: string): readonly CodedEvent[] {
  const inside: unknown = Reflect.get(payload, 'IKEv2');
  const keys = [...Object.keys(payload), ...(typeof inside === 'object' && inside !== null ? Object.keys(inside) : [])];
  return Object.entries(IGNORED)
    .filter(([key]) => keys.includes(key))
    .map(([key, reason]) => {
      const place = placeAt(text, file, offsetInVpn(text, key));
      return occur(events.VPN_IKE_IGNORED, { ...place, key, reason });
    });
}

/** Entities that are defined in the file (and grow without bound), other documents, and depth that exhausts a stack. */
function refuseHostile(text: string, file: string): void {
  const refuse = (offset: number, found: string) =>
    VmgateError.of(errors.VPN_IKE_HOSTILE, { ...placeAt(text, file, offset), found });
  const definition = text.search(/<!(ENTITY|ELEMENT|ATTLIST|NOTATION)|<!DOCTYPE[^>]*\[/i);
  if (definition !== -1) throw refuse(definition, 'XML that defines entities of its own');
  const other = text.search(/<\?(?!xml\s)|<xi:include/i);
  if (other !== -1) throw refuse(other, 'XML that gives orders to whoever reads it');
  let depth = 0;
  for (const { 0: tag, index } of text.matchAll(/<\/?(?:dict|array|plist)\b[^>]*>/g)) {
    if (tag.endsWith('/>')) continue;
    depth += tag.startsWith('</') ? -1 : 1;
    if (depth > MAX_DEPTH) throw refuse(index, `lists nested deeper than ${MAX_DEPTH}`);
  }
}

/**
 * What a parser says is not repeated: it quotes the file. plist has its own print faults in the XML on stderr, so they are
 * looked for before.
 */
function parsePlist(text: string, file: string): unknown {
  const onError = () => {
    throw new Error('not well-formed');
  };
  try {
    new DOMParser({ onError }).parseFromString(text, 'text/xml');
    return parse(text);
  } catch (cause) {
    const format = 'property list (Apple, XML)';
    const why = cause instanceof ParseError ? 'its XML is not well-formed' : 'its XML is of another kind';
    throw VmgateError.of(errors.VPN_IKE_SYNTAX, { ...placeAt(text, file, 0), format, why });
  }
}

/** Payloads of other kinds have keys of the same names: the VPN's are in its own dictionary, or beside that. */
function offsetInVpn(text: string, key: string): number {
  const named = `<key>${key}</key>`;
  const own = text.indexOf(named, Math.max(0, text.indexOf('<key>IKEv2</key>')));
  return Math.max(0, own === -1 ? text.indexOf(named) : own);
}

function placeAt(text: string, file: string, offset: number): At {
  const before = text.slice(0, offset).split('\n');
  return { file, line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}
