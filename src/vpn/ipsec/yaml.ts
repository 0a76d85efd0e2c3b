/** vmgate's own format for IKEv2: a small YAML with every key said in docs/using.md. */
import * as z from 'zod';
import { parseYaml } from '../../config/index.ts';
import { VmgateError } from '../../core/coded.ts';
import { errors } from '../codes.ts';
import { type IkeDraft, type Position, readChecked } from './draft.ts';
import * as values from './values.ts';

const schema = z.strictObject({
  kind: z.literal('ikev2'),
  server: values.host,
  port: values.port.default(4_500),
  serverId: values.identity.optional(),
  id: values.identity.optional(),
  auth: z.enum(['psk', 'certificate', 'eap-mschapv2', 'eap-tls']),
  psk: values.secret.optional(),
  user: values.user.optional(),
  authority: values.pem.optional(),
  certificate: values.pem.optional(),
  key: values.pem.optional(),
  routes: z.array(values.route).max(values.MAX_ROUTES).default([]),
  ipv6: z.boolean().default(true),
  dns: z.array(values.resolver).max(8).default([]),
  search: z.array(values.domain).max(8).default([]),
  mtu: values.mtu.optional(),
  ike: z.array(values.proposal).min(1).max(8).default([]),
  esp: z.array(values.proposal).min(1).max(8).default([]),
});

const KEYS = Object.keys(schema.shape);

/** @throws VPN_IKE_SYNTAX, and what {@link readChecked} does */
export function readYaml(text: string, file: string): IkeDraft {
  const document = parseYaml(file, text);
  const [issue] = document.issues;
  if (issue !== undefined) {
    const { line, column, message } = issue;
    throw VmgateError.of(errors.VPN_IKE_SYNTAX, { file, line, column, format: 'YAML', why: message.slice(0, 200) });
  }
  const positionOf: Position = (path, aim) => ({ file, ...document.positionOf(path, aim) });
  const { kind: _, ...read } = readChecked(schema, document.value, positionOf, KEYS);
  return {
    ...read,
    serverId: read.serverId,
    id: read.id,
    psk: read.psk,
    user: read.user,
    password: undefined,
    authority: read.authority,
    certificate: read.certificate,
    key: read.key,
    mtu: read.mtu,
    notices: [],
    placeOf: (field) => positionOf([field]),
  };
}
