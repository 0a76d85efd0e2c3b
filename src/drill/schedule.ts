/** Which fault comes when: pure, and the same for the same seed. */

export interface Weighted {
  readonly id: string;
  readonly weight: number;
}

/**
 * `total` items, each by its weight and, where there is room, at least once, in an order drawn from `seed`: the same
 * fault never has the same one before it every time.
 */
export function schedule<T extends Weighted>(items: readonly T[], total: number, seed: number): readonly T[] {
  const random = mulberry32(seed);
  return shuffled(
    shares(items, total).flatMap(([item, count]) => Array.from({ length: count }, () => item)),
    random,
  );
}

/** Largest remainder: the counts add up to `total` and are off by less than one. */
function shares<T extends Weighted>(items: readonly T[], total: number): readonly (readonly [T, number])[] {
  const base = total >= items.length ? 1 : 0;
  const rest = total - base * items.length;
  const weights = items.reduce((sum, { weight }) => sum + weight, 0);
  const exact = items.map((item) => ({ item, share: (rest * item.weight) / weights }));
  const counts = new Map(exact.map(({ item, share }) => [item, base + Math.floor(share)]));
  const missing = total - [...counts.values()].reduce((sum, count) => sum + count, 0);
  const byRemainder = [...exact].sort((a, b) => (b.share % 1) - (a.share % 1));
  for (const { item } of byRemainder.slice(0, missing)) counts.set(item, (counts.get(item) ?? 0) + 1);
  return [...counts];
}

function shuffled<T>(items: readonly T[], random: () => number): readonly T[] {
  return items
    .map((item) => ({ item, key: random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}

/** A small generator with a seed (Tommy Ettinger's mulberry32, public domain): Math.random takes none. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
