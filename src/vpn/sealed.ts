/** The secret half of a profile, whatever its kind: only `reveal` shows it, and only the gateway's stdin should see that. */
import { inspect } from 'node:util';
import type { ProfileLogin } from './kind.ts';
import type { TunnelSecrets } from './tunnel-plan.ts';

const MASK = '(secret)';

/** Keys of a kind whose servers ask for a name and a password. */
export interface WithLogin<Settings> {
  readonly settings: Settings;
  readonly login: ProfileLogin | undefined;
  /** A one-time code. */
  readonly code?: string;
}

/** What a kind makes of its keys, for the gateway. */
export interface Seal<K> {
  readonly kind: TunnelSecrets['kind'];
  readonly render: (keys: K, ...to: Parameters<TunnelSecrets['reveal']>) => string;
  /** With the code that somebody gave; not of a kind that knows none. */
  readonly withCode?: (keys: K, code: string) => K;
}

/** Wraps the keys so that printing, spreading, cloning or serializing the result cannot show them. */
export function seal<K>(how: Seal<K>, keys: K): TunnelSecrets {
  return new SealedSecrets(how, keys);
}

class SealedSecrets<K> implements TunnelSecrets {
  readonly kind: TunnelSecrets['kind'];
  readonly reveal: TunnelSecrets['reveal'];
  readonly #how: Seal<K>;
  readonly #keys: K;

  constructor(how: Seal<K>, keys: K) {
    this.kind = how.kind;
    this.#how = how;
    this.#keys = keys;
    this.reveal = (...to) => this.#how.render(this.#keys, ...to);
  }

  withCode(code: string): TunnelSecrets {
    const { withCode } = this.#how;
    return withCode === undefined ? this : seal(this.#how, withCode(this.#keys, code));
  }

  toJSON(): string {
    return MASK;
  }

  toString(): string {
    return MASK;
  }

  [inspect.custom](): string {
    return MASK;
  }
}
