/** What a program has to know to be let in on the loopback, where every user of the machine can knock. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

export interface Credential {
  readonly user: string;
  readonly password: string;
}

/** 192 bits, of characters that need no quoting in a URL or a shell. */
const PASSWORD_BYTES = 24;

/** Fresh for each run; never written anywhere. */
export function makeCredential(): Credential {
  return { user: 'vmgate', password: randomBytes(PASSWORD_BYTES).toString('base64url') };
}

/** In the same time whatever is wrong with it. */
export function isCredential(expected: Credential, user: string, password: string): boolean {
  const digest = (one: Credential) => createHash('sha256').update(`${one.user}\0${one.password}`).digest();
  return timingSafeEqual(digest(expected), digest({ user, password }));
}
