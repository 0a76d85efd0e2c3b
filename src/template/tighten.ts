/**
 * Two opinions on one protection: what counts is what both allow. The same for a template and the one it extends, for a
 * template and a vmgate.yaml that is there already, and for several templates on one gate.
 *
 * Every function here is commutative, gives the same again when given its own result, and never allows what one of the
 * two does not.
 */
import { isDeepStrictEqual } from 'node:util';
import { type ConfigFile, ON_LOSS, parseDuration } from '../config/index.ts';
import { within } from '../core/checks/prefix.ts';
import { VmgateError } from '../core/coded.ts';
import { errors } from './codes.ts';
import type { ExitPolicy, VerifyPolicy } from './definition.ts';
import { usesIn } from './parameters.ts';
import type { VpnNeeds } from './vpn.ts';

type OnLoss = (typeof ON_LOSS)[number];
type ExitRule = ExitPolicy | NonNullable<NonNullable<ConfigFile['verify']>['exit']>;

/** The stricter of the two; `block` is what counts where nothing is said. */
export function tightenOnLoss(one: OnLoss | undefined, other: OnLoss | undefined): OnLoss | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return ON_LOSS.indexOf(one) >= ON_LOSS.indexOf(other) ? one : other;
}

/** The shorter of two durations as they are written; of equal ones the one that sorts first. */
function tightenDuration(one: string | undefined, other: string | undefined): string | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  const difference = (parseDuration(one) ?? 0) - (parseDuration(other) ?? 0);
  if (difference === 0) return one < other ? one : other;
  return difference < 0 ? one : other;
}

/** @throws TEMPLATE_CONFLICT where nothing is left that both allow */
export function tightenVerify(
  one: VerifyPolicy | undefined,
  other: VerifyPolicy | undefined,
): VerifyPolicy | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  const exit = one.exit && other.exit ? tightenExit(one.exit, other.exit) : (one.exit ?? other.exit);
  const every = tightenDuration(one.every, other.every);
  const maxAge = tightenDuration(one.maxAge, other.maxAge);
  return {
    ...(exit === undefined ? {} : { exit }),
    ...(every === undefined ? {} : { every }),
    ...(maxAge === undefined ? {} : { maxAge }),
  };
}

function tightenExit(one: ExitRule, other: ExitRule): ExitPolicy {
  if (isDeepStrictEqual(one, other)) return one;
  const conflict = (why: string) => conflictOf('verify.exit', one, other, why);
  if (usesIn([one, other]).length > 0) {
    throw conflict('one of them is a parameter; give that parameter a default instead of saying the key again');
  }
  if (!isDeepStrictEqual(one.url, other.url)) throw conflict('it is asked at one place');
  const [a, b] = [one.expect, other.expect];
  if (Array.isArray(a) && Array.isArray(b)) {
    const both = commonPrefixes(a, b);
    if (both.length === 0) throw conflict('no address lies in both');
    return { url: one.url, expect: [...both] };
  }
  const [fields, more] = [fieldsOf(a), fieldsOf(b)];
  if (fields === undefined || more === undefined) throw conflict('one expects addresses, the other JSON fields');
  const differing = Object.keys(fields).find((key) => Object.hasOwn(more, key) && fields[key] !== more[key]);
  if (differing !== undefined) throw conflict(`the field ${JSON.stringify(differing)} has one value`);
  const sorted = Object.entries({ ...fields, ...more }).toSorted(([x], [y]) => (x < y ? -1 : 1));
  return { url: one.url, expect: { json: Object.fromEntries(sorted) } };
}

function fieldsOf(expect: ExitRule['expect']): Readonly<Record<string, string | number | boolean>> | undefined {
  return Array.isArray(expect) ? undefined : expect.json;
}

/**
 * Prefixes are nested or apart: of each pair the narrower one, of two spellings of one the first, sorted, none that lies in
 * another.
 */
function commonPrefixes(a: readonly string[], b: readonly string[]): readonly string[] {
  const narrow = a.flatMap((x) => b.flatMap((y) => narrowerOf(...([x, y].toSorted() as [string, string]))));
  const once = [...new Set(narrow)].toSorted();
  return once.filter((inner, at) =>
    once.every((outer, other) => at === other || !within(inner, outer) || (within(outer, inner) && at < other)),
  );
}

function narrowerOf(x: string, y: string): readonly string[] {
  if (within(x, y)) return [x];
  return within(y, x) ? [y] : [];
}

/** @throws TEMPLATE_CONFLICT */
export function tightenNeeds(one: VpnNeeds | undefined, other: VpnNeeds | undefined): VpnNeeds | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  for (const key of ['kind', 'endpoint', 'peer', 'split'] as const) {
    if (one[key] !== undefined && other[key] !== undefined && one[key] !== other[key]) {
      throw conflictOf(`vpn.${key}`, one[key], other[key], 'there is one VPN');
    }
  }
  const [routes, others] = [one.allowedIps?.toSorted(), other.allowedIps?.toSorted()];
  if (routes !== undefined && others !== undefined && !isDeepStrictEqual(routes, others)) {
    throw conflictOf('vpn.allowedIps', routes, others, 'there is one VPN');
  }
  const allowedIps = routes ?? others;
  const dns = one.dns && other.dns ? one.dns.filter((address) => other.dns?.includes(address)) : (one.dns ?? other.dns);
  if (dns?.length === 0) throw conflictOf('vpn.dns', one.dns, other.dns, 'no resolver is allowed by both');
  return {
    ...{ ...one, ...other },
    ...(allowedIps === undefined ? {} : { allowedIps }),
    ...(dns === undefined ? {} : { dns: [...new Set(dns)].toSorted() }),
  };
}

/** Both are shown, shortened: they may come from outside. */
export function conflictOf(key: string, one: unknown, other: unknown, why: string): VmgateError {
  const [shown, against] = [one, other].map((value) => JSON.stringify(value).slice(0, 200));
  return VmgateError.of(errors.TEMPLATE_CONFLICT, { key, one: shown ?? '', other: against ?? '', why });
}
