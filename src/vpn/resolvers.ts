/** Which resolvers a tunnel has whose server may name others: the user's, else the profile's, each inside the tunnel. */
import { VmgateError } from '../core/coded.ts';
import { ipv4ToNumber } from '../core/ipv4.ts';
import { errors } from './codes.ts';
import { MAX_DNS } from './kind.ts';
import type { At } from './positions.ts';
import { coversAddress, parsePrefix } from './values.ts';

/**
 * Empty where neither names one: the server may.
 *
 * @param asked from `--dns`
 * @param said the profile's
 * @param end where errors point to
 * @throws VPN_DNS_OPTION_INVALID, VPN_LIST_TOO_LONG, VPN_DNS_OUTSIDE_TUNNEL
 */
export function chosenResolvers(
  asked: readonly string[],
  said: readonly string[],
  routes: readonly string[],
  end: At,
): readonly string[] {
  const bad = asked.find((value) => ipv4ToNumber(value) === undefined);
  if (bad !== undefined) throw VmgateError.of(errors.VPN_DNS_OPTION_INVALID, { value: bad.slice(0, 80) });
  const chosen = asked.length > 0 ? asked : said;
  if (chosen.length > MAX_DNS) {
    throw VmgateError.of(errors.VPN_LIST_TOO_LONG, { ...end, key: 'DNS', count: chosen.length, limit: MAX_DNS });
  }
  const prefixes = routes.flatMap((route) => parsePrefix(route) ?? []);
  const stray = chosen.find((address) => !coversAddress(prefixes, address));
  if (stray !== undefined) throw VmgateError.of(errors.VPN_DNS_OUTSIDE_TUNNEL, { ...end, resolver: stray });
  return [...new Set(chosen)];
}
