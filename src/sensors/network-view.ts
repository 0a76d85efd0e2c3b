/** How this machine is on the network at one moment, as far as it matters to a gate; and what changed between two. */

/** The way the kernel would take to an address. What is undefined could not be read, and says nothing. */
export interface NetworkPath {
  readonly source: string;
  readonly card: string;
  readonly router: string | undefined;
  /** Of the Wi-Fi, where the card is one. Hostile text. */
  readonly wifi: string | undefined;
}

export interface NetworkView {
  /** Undefined: there is no way. */
  readonly path: NetworkPath | undefined;
  /** Who answers this machine's lookups, sorted. */
  readonly resolvers: readonly string[];
  /** `eth0 192.168.1.5/24`: every address but link-local ones, which come and go with every container; sorted. */
  readonly addresses: readonly string[];
}

/**
 * `moved`: it is another network, as far as the uplink is concerned. `beside`: something else changed, which cannot
 * matter to it: a bridge of containers came up, a temporary IPv6 address was replaced.
 */
export type NetworkChange =
  | { readonly kind: 'none' | 'gone' }
  | { readonly kind: 'moved' | 'beside'; readonly changes: readonly string[] };

/** Named in a message; what is more is only counted. */
const MOST_NAMED = 6;
const PATH_WORDS = { source: 'address', card: 'card', router: 'router', wifi: 'Wi-Fi' } as const;

export function changeBetween(before: NetworkView, now: NetworkView): NetworkChange {
  if (before.path !== undefined && now.path === undefined) return { kind: 'gone' };
  const moved = [...pathChanges(before.path, now.path), ...resolverChanges(before.resolvers, now.resolvers)];
  // With no way before and none now there is nothing that could have moved.
  if (moved.length > 0 && now.path !== undefined) return { kind: 'moved', changes: named(moved) };
  const beside = [
    ...now.addresses.filter((address) => !before.addresses.includes(address)).map((address) => `${address} came`),
    ...before.addresses.filter((address) => !now.addresses.includes(address)).map((address) => `${address} went`),
  ];
  return beside.length > 0 ? { kind: 'beside', changes: named(beside) } : { kind: 'none' };
}

/** What is unreadable now is as it was: a tool that failed once must not hide a change from the next look. */
export function remembered(before: NetworkView, now: NetworkView): NetworkView {
  const resolvers = now.resolvers.length === 0 ? before.resolvers : now.resolvers;
  const isSameCard = before.path !== undefined && now.path?.card === before.path.card;
  if (now.path === undefined || before.path === undefined || !isSameCard) return { ...now, resolvers };
  const { router = before.path.router, wifi = before.path.wifi } = now.path;
  return { ...now, resolvers, path: { ...now.path, router, wifi } };
}

function pathChanges(before: NetworkPath | undefined, now: NetworkPath | undefined): readonly string[] {
  if (now === undefined) return [];
  if (before === undefined) return [`there is a way again, from ${now.source}`];
  return (['source', 'card', 'router', 'wifi'] as const).flatMap((part) => {
    const [was, is] = [before[part], now[part]];
    return was === undefined || is === undefined || was === is ? [] : [`${PATH_WORDS[part]} ${was} -> ${is}`];
  });
}

/** None at all is a file that is just being written, or a tool that failed. */
function resolverChanges(before: readonly string[], now: readonly string[]): readonly string[] {
  if (before.length === 0 || now.length === 0 || before.join() === now.join()) return [];
  return [`resolvers ${before.join(' ')} -> ${now.join(' ')}`];
}

function named(changes: readonly string[]): readonly string[] {
  const more = changes.length - MOST_NAMED;
  return more > 0 ? [...changes.slice(0, MOST_NAMED), `${more} more`] : changes;
}
