/** What became of a volley of attempts. */
import type { Attempt } from './attempts.ts';
import type { Seen } from './volley.ts';

export interface Tried {
  /** Names of the attempts. */
  readonly tried: readonly string[];
  /** Those that the untrusted network could read. */
  readonly clear: readonly string[];
  /** Frames meanwhile that are neither ARP, DHCP nor the tunnel's: by the witness that saw more. */
  readonly leaked: number;
  /** The guard held something back and kept it. */
  readonly held: boolean;
  /** The gate was violated, and waited for a person. */
  readonly violated: boolean;
  readonly tookMs: number;
}

export function namesIn(attempts: readonly Attempt[], { inClear }: Seen): Pick<Tried, 'tried' | 'clear'> {
  const names = (some: readonly Attempt[]) => some.map(({ name }) => name);
  return { tried: names(attempts), clear: names(attempts.filter((attempt) => inClear(attempt))) };
}
