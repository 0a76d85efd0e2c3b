/** Interleaved pairs and what is made of them. */

/** The middle one; of an even number, the mean of the middle two. */
export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.floor(middle)] ?? 0) + (sorted[Math.ceil(middle) - 1] ?? 0)) / 2;
}

/** Rounded for people and for JSON: three decimals. */
export function rounded(value) {
  return Math.round(value * 1_000) / 1_000;
}

/**
 * A B A B ...: what else the machine does falls on both alike. The first of a pair changes, so that a machine that slows
 * down favours neither.
 *
 * @returns medians of both
 */
export async function interleave(runs, first, second) {
  const [a, b] = [[], []];
  for (let run = 0; run < runs; run += 1) {
    const turns = [async () => a.push(await first()), async () => b.push(await second())];
    for (const turn of run % 2 === 0 ? turns : turns.reverse()) await turn();
  }
  return [median(a), median(b)];
}
