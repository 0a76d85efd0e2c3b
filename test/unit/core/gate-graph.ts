/** Which state leads to which, and how each was reached first. */
export class Graph {
  readonly #firstFrom: number[] = [];
  readonly #firstWords: string[] = [];
  /** Backwards: who leads here; negative numbers, less one, where a user has to ask for it. */
  readonly #into: number[][] = [];

  add(from: number, words: string): void {
    this.#firstFrom.push(from);
    this.#firstWords.push(words);
    this.#into.push([]);
  }

  connect(from: number, to: number, isAsked: boolean): void {
    this.#into[to]?.push(isAsked ? -from - 1 : from);
  }

  /** Words of the events that led to a state first. */
  way(to: number): readonly string[] {
    const words: string[] = [];
    for (let at = to; at >= 0; at = this.#firstFrom[at] ?? -1) words.unshift(this.#firstWords[at] ?? '');
    return words;
  }

  /** Every state from which one of `targets` can be reached. */
  reaching(targets: readonly number[], how: 'unasked' | 'asked too'): ReadonlySet<number> {
    const found = new Set(targets);
    const left = [...targets];
    for (let at = left.pop(); at !== undefined; at = left.pop()) {
      for (const edge of this.#into[at] ?? []) {
        if (edge < 0 && how === 'unasked') continue;
        const from = edge < 0 ? -edge - 1 : edge;
        if (found.has(from)) continue;
        found.add(from);
        left.push(from);
      }
    }
    return found;
  }
}
