/** Which VPN profiles are tried, and what has to be said before one takes the place of another. */
import type { ConfigFile } from './schema.ts';

/** In order; empty where none is named. A chain is known by its last, where it comes out. */
export function profilesOf({ vpn }: Pick<ConfigFile, 'vpn'>): readonly string[] {
  if (vpn === undefined) return [];
  if (typeof vpn === 'string') return [vpn];
  return 'chain' in vpn ? vpn.chain.slice(-1) : vpn;
}

/** Of a chain: all, the outermost first; empty for any other. */
export function chainOf({ vpn }: Pick<ConfigFile, 'vpn'>): readonly string[] {
  return typeof vpn === 'object' && 'chain' in vpn ? vpn.chain : [];
}

/**
 * A list of profiles means that what a work VM sends for one may go by another, to another company's eyes. That is said
 * in so many words, of each of them; and what is said of no list is a mistake.
 */
export function failoverFaults(
  file: Pick<ConfigFile, 'vpn' | 'failover'>,
): readonly { readonly key: readonly PropertyKey[]; readonly message: string }[] {
  const chain = chainOf(file);
  const again = chain.findIndex((name, index) => chain.indexOf(name) < index);
  if (again > 0) return [{ key: ['vpn', 'chain', again], message: `${chain[again]} is in the chain already` }];
  const profiles = profilesOf(file);
  const { equivalent = [], leaky = false } = file.failover ?? {};
  const twice = profiles.findIndex((name, index) => profiles.indexOf(name) < index);
  if (twice > 0) return [{ key: ['vpn', twice], message: `${profiles[twice]} is in the list already` }];
  const stranger = equivalent.findIndex((name) => !profiles.includes(name));
  if (stranger >= 0) {
    const message = `${equivalent[stranger]} is no profile of vpn, which names ${profiles.join(', ')}`;
    return [{ key: ['failover', 'equivalent', stranger], message }];
  }
  if (profiles.length < 2) {
    return file.failover === undefined
      ? []
      : [
          {
            key: ['failover'],
            message: `failover is about several profiles, and vpn names ${chain.length > 0 ? 'one chain' : 'one'}`,
          },
        ];
  }
  const isAlone = (name: string) => !equivalent.includes(name);
  if (leaky || !profiles.some(isAlone)) return [];
  const other = Math.max(0, profiles.findLastIndex(isAlone));
  const means = `failover: {equivalent: [${profiles.join(', ')}]}`;
  return [
    {
      key: ['vpn', other],
      message: `what is sent for another profile would go by ${profiles[other]}: say ${means} if they are as good as one another, or failover: {leaky: true}`,
    },
  ];
}
