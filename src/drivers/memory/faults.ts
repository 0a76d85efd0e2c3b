/** Faults a test plants in the in-memory driver: at a named call, once or several times. */

/** `fail`: rejects, nothing happened. `hang`: never settles. `die`: the machine ends, then the call rejects. */
export type Fault = 'fail' | 'hang' | 'die';

export class Faults {
  readonly #planted = new Map<string, Fault[]>();

  /** The next `times` calls of `call` (`boot`, `setLink`, `facts`, ..) meet this fault. */
  plant(call: string, fault: Fault, times = 1): void {
    const queue = this.#planted.get(call) ?? [];
    this.#planted.set(call, [...queue, ...Array.from({ length: times }, () => fault)]);
  }

  take(call: string): Fault | undefined {
    return this.#planted.get(call)?.shift();
  }
}
