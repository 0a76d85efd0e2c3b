/** One of each attempt at once, and which of them the lab could read. */
import type { Lab } from '../lab/index.ts';
import { newToken } from '../verify/index.ts';
import type { Attempt } from './attempts.ts';

export interface Seen {
  /** Whether the lab captured it readable. Inside the tunnel it is not. */
  inClear(attempt: Attempt): boolean;
  /** Frames the lab counted meanwhile as neither ARP, DHCP nor the tunnel's. */
  readonly foreign: number;
}

/** Sends each attempt once; the returned function looks for them. They must all have gone wherever they go by then. */
export async function sendMarked(
  lab: Pick<Lab, 'counts' | 'capture'>,
  attempts: readonly Attempt[],
  send: (attempt: Attempt, mark: string) => void,
  token = newToken(),
): Promise<() => Promise<Seen>> {
  const before = await lab.counts();
  attempts.forEach((attempt, index) => {
    send(attempt, token.mark(index));
  });
  return async () => {
    const after = await lab.counts();
    const captured = await lab.capture('all');
    return {
      foreign: after.foreign - before.foreign,
      inClear: (attempt) => captured.includes(token.mark(attempts.indexOf(attempt))),
    };
  };
}
