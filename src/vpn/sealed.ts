/** What every kind's secrets have in common: only `reveal` shows them. Fields of a subclass that hold any are `#private`. */
import { inspect } from 'node:util';
import type { TunnelSecrets } from './tunnel-plan.ts';

const MASK = '(secret)';

/** Printing, spreading, cloning or serializing one cannot show what it holds. */
export abstract class SealedSecrets implements TunnelSecrets {
  abstract readonly kind: TunnelSecrets['kind'];
  abstract readonly reveal: TunnelSecrets['reveal'];

  /** For a kind that knows no codes. */
  withCode(_code: string): TunnelSecrets {
    return this;
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
