/**
 * One at a time, in the order asked for. Checks compare the gateway's leases with those they were told of, so no lease
 * may change under a check; and of two leases the later list must win. A connect has its own lane: one that hangs holds
 * up nobody after it.
 */
export class Lane {
  #last: Promise<unknown> = Promise.resolve();

  run<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(act);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}
