/** What a profile says, whichever format it is in: well-formed, and not judged yet. Each reader makes one of these. */
import type * as z from 'zod';
import { type CodedEvent, VmgateError } from '../../core/coded.ts';
import { nearest } from '../../core/nearest.ts';
import { errors } from '../codes.ts';
import type { At } from '../positions.ts';

export type IkeAuth = 'psk' | 'certificate' | 'eap-mschapv2' | 'eap-tls';

export interface IkeDraft {
  readonly server: string;
  readonly port: number;
  readonly serverId: string | undefined;
  readonly id: string | undefined;
  readonly auth: IkeAuth;
  /** Secret. */
  readonly psk: string | undefined;
  readonly user: string | undefined;
  /** Secret. */
  readonly password: string | undefined;
  /** PEM: authorities, or the server's own certificate. */
  readonly authority: string | undefined;
  readonly certificate: string | undefined;
  /** Secret. */
  readonly key: string | undefined;
  readonly routes: readonly string[];
  /** Whether the server is asked for IPv6 too. */
  readonly ipv6: boolean;
  readonly dns: readonly string[];
  readonly search: readonly string[];
  readonly mtu: number | undefined;
  /** Proposals as swanctl.conf(5) has them; empty: vmgate's own. */
  readonly ike: readonly string[];
  readonly esp: readonly string[];
  readonly notices: readonly CodedEvent[];
  /** Where a field's value stands, or would: for errors. */
  readonly placeOf: (field: DraftField) => At;
}

/** Fields that can be wrong, named as in the YAML format. */
export type DraftField = Exclude<keyof IkeDraft, 'notices' | 'placeOf'>;

/** Where the value at a path stands, or would; `key`: its name. */
export type Position = (path: readonly PropertyKey[], aim?: 'key' | 'value') => At;

/**
 * `value` as `schema` has it. What zod says in its own words could quote a secret: only its kind of issue and the messages
 * of our own schemas are used.
 *
 * @throws VPN_IKE_KEY_UNKNOWN, VPN_IKE_KEY_MISSING, VPN_IKE_VALUE
 */
export function readChecked<T>(schema: z.ZodType<T>, value: unknown, positionOf: Position, keys: readonly string[]): T {
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  // A slip in a key's name leaves two faults, and the name is the one that is not right.
  const issue = read.error.issues.find(({ code }) => code === 'unrecognized_keys') ?? read.error.issues[0];
  if (issue === undefined) throw read.error;
  if (issue.code === 'unrecognized_keys') {
    const [key = ''] = issue.keys;
    const meant = nearest(key, keys);
    const place = positionOf([...issue.path, key], 'key');
    throw VmgateError.of(errors.VPN_IKE_KEY_UNKNOWN, {
      ...place,
      key: key.slice(0, 80),
      ...(meant === undefined ? {} : { meant }),
    });
  }
  const key = issue.path.filter((part) => typeof part === 'string').at(-1) ?? 'the profile';
  if (valueAt(value, issue.path) === undefined) {
    throw VmgateError.of(errors.VPN_IKE_KEY_MISSING, { ...positionOf(issue.path), key: key.slice(0, 80) });
  }
  const payload = { ...positionOf(issue.path), key: key.slice(0, 80), expected: expectedBy(issue) };
  throw VmgateError.of(errors.VPN_IKE_VALUE, payload);
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (inner, part) => (typeof inner === 'object' && inner !== null ? Reflect.get(inner, part) : undefined),
    value,
  );
}

function expectedBy(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `${issue.expected}`;
    case 'invalid_value':
      return issue.values.map(String).join(', ');
    case 'too_big':
      return `at most ${issue.maximum}`;
    case 'too_small':
      return `at least ${issue.minimum}`;
    case 'custom':
    case 'invalid_format':
      return issue.message;
    default:
      return 'something else';
  }
}
