/**
 * The profile of strongSwan's app for Android (https://docs.strongswan.org/docs/latest/os/androidVpnClientProfiles.html):
 * JSON. Lists of networks that are to go around the tunnel have no effect here, and nothing that chooses apps does.
 */
import * as z from 'zod';
import { parseYaml } from '../../config/index.ts';
import { occur, VmgateError } from '../../core/coded.ts';
import { errors, events } from '../codes.ts';
import type { At } from '../positions.ts';
import { derToPem } from './der.ts';
import { type DraftField, type IkeAuth, type IkeDraft, type Position, readChecked } from './draft.ts';
import { openPkcs12 } from './material.ts';
import * as values from './values.ts';

const base64 = (what: string) =>
  z
    .string()
    .regex(/^[A-Za-z0-9+/\s]+={0,2}\s*$/, `${what} in base64`)
    .max(65_536);
/** One string with spaces between, or a list. */
const words = z.union([z.string().transform((text) => text.split(/[\s,]+/)), z.array(z.string())]);

const TYPES = ['ikev2-eap', 'ikev2-cert', 'ikev2-cert-eap', 'ikev2-eap-tls', 'ikev2-byod-eap'] as const;

const schema = z.looseObject({
  type: z.enum(TYPES),
  remote: z.looseObject({
    addr: values.host,
    port: values.port.default(4_500),
    id: values.identity.optional(),
    cert: base64('a certificate').optional(),
  }),
  local: z
    .looseObject({
      id: values.identity.optional(),
      eap_id: values.user.optional(),
      p12: base64('a PKCS #12 file').optional(),
    })
    .default({}),
  'ike-proposal': values.proposal.optional(),
  'esp-proposal': values.proposal.optional(),
  'dns-servers': words.optional(),
  mtu: values.mtu.optional(),
  'split-tunneling': z.looseObject({ subnets: words.optional(), excluded: words.optional() }).optional(),
});

const AUTH: Readonly<Record<(typeof TYPES)[number], IkeAuth | undefined>> = {
  'ikev2-eap': 'eap-mschapv2',
  'ikev2-cert': 'certificate',
  'ikev2-eap-tls': 'eap-tls',
  'ikev2-cert-eap': undefined,
  'ikev2-byod-eap': undefined,
};

/** Where each field stands in it. */
const PATHS: Readonly<Partial<Record<DraftField, readonly string[]>>> = {
  server: ['remote', 'addr'],
  authority: ['remote', 'cert'],
  user: ['local', 'eap_id'],
  certificate: ['local', 'p12'],
  key: ['local', 'p12'],
  dns: ['dns-servers'],
  routes: ['split-tunneling', 'subnets'],
  ike: ['ike-proposal'],
  esp: ['esp-proposal'],
};

/** @throws VPN_IKE_SYNTAX, VPN_IKE_AUTH_NOT_YET, and what {@link openPkcs12} and {@link readChecked} do */
export function readSswan(text: string, file: string): IkeDraft {
  const value = parseJson(text, file);
  // Every JSON is YAML, and the one parser tells where things stand.
  const document = parseYaml(file, text);
  const positionOf: Position = (path, aim) => ({ file, ...document.positionOf(path, aim) });
  const read = readChecked(schema, value, positionOf, []);
  const auth = AUTH[read.type];
  if (auth === undefined) {
    throw VmgateError.of(errors.VPN_IKE_AUTH_NOT_YET, { ...positionOf(['type']), how: read.type });
  }
  const { remote, local } = read;
  // The app asks for a password: the format has no place for one.
  const own =
    local.p12 === undefined || auth === 'eap-mschapv2'
      ? undefined
      : openPkcs12(Buffer.from(local.p12, 'base64'), '', positionOf(['local', 'p12']));
  const around = read['split-tunneling']?.excluded;
  const notices =
    around === undefined
      ? []
      : [
          occur(events.VPN_IKE_IGNORED, {
            ...positionOf(['split-tunneling', 'excluded'], 'key'),
            key: 'excluded',
            reason: 'nothing goes around the tunnel',
          }),
        ];
  return {
    server: remote.addr,
    port: remote.port,
    serverId: remote.id,
    id: local.id,
    auth,
    psk: undefined,
    user: local.eap_id,
    password: undefined,
    authority: remote.cert === undefined ? undefined : derToPem(Buffer.from(remote.cert, 'base64')),
    certificate: own?.certificates,
    key: own?.key,
    ipv6: true,
    routes: networksIn(read['split-tunneling']?.subnets, positionOf(['split-tunneling', 'subnets'])),
    dns: addressesIn(read['dns-servers'], positionOf(['dns-servers'])),
    search: [],
    mtu: read.mtu,
    ike: [read['ike-proposal'] ?? []].flat(),
    esp: [read['esp-proposal'] ?? []].flat(),
    notices,
    placeOf: (field) => positionOf(PATHS[field] ?? [field]),
  };
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const before = text.slice(0, brokenAt(text)).split('\n');
    const place = { file, line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
    throw VmgateError.of(errors.VPN_IKE_SYNTAX, { ...place, format: 'JSON', why: 'something else is expected here' });
  }
}

/** Where it stops being JSON. V8 says that of some faults only; what it says of the beginnings of a text tells it of all. */
function brokenAt(text: string): number {
  if (!isBroken(text)) return text.length;
  let [whole, broken] = [0, text.length];
  while (broken - whole > 1) {
    const middle = Math.floor((whole + broken) / 2);
    if (isBroken(text.slice(0, middle))) broken = middle;
    else whole = middle;
  }
  return whole;
}

/** Whether no text that begins like this is JSON: its fault is not that it ends. */
function isBroken(beginning: string): boolean {
  try {
    JSON.parse(beginning);
    return false;
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : '';
    const offset = /at position (\d{1,9})/.exec(message)?.[1];
    return offset === undefined ? !message.includes('end of JSON input') : Number(offset) < beginning.length;
  }
}

function addressesIn(found: readonly string[] | undefined, place: At): readonly string[] {
  const schema = z.object({ 'dns-servers': z.array(values.resolver).max(8) });
  return readChecked(schema, { 'dns-servers': found ?? [] }, () => place, [])['dns-servers'];
}

/** A lone address is a network of one. */
function networksIn(found: readonly string[] | undefined, place: At): readonly string[] {
  const subnets = (found ?? []).map((text) => (text.includes('/') ? text : `${text}/${text.includes(':') ? 128 : 32}`));
  const schema = z.object({ subnets: z.array(values.route).max(values.MAX_ROUTES) });
  return readChecked(schema, { subnets }, () => place, []).subnets;
}
