/**
 * The mark every canary of one run carries. Decimal digits: the same bytes serve as payload and as DNS label, and a
 * resolver that randomizes upper and lower case (draft-vixie-dnsext-dns0x20) has nothing to change.
 */
import { randomInt } from 'node:crypto';

/** 60 bits; the guard takes tokens of at least 8 bytes. */
const DIGITS = 18;
const DIGITS_PER_DRAW = 9;

export interface Token {
  readonly digits: string;
  /** As the guard is told to look for it. */
  readonly hex: string;
  /** The token and which of the run's packets it marks. */
  readonly mark: (index: number) => string;
}

export function newToken(): Token {
  const draw = () =>
    randomInt(10 ** DIGITS_PER_DRAW)
      .toString()
      .padStart(DIGITS_PER_DRAW, '0');
  const digits = Array.from({ length: DIGITS / DIGITS_PER_DRAW }, draw).join('');
  return {
    digits,
    hex: Buffer.from(digits, 'latin1').toString('hex'),
    mark: (index) => `${digits}${String(index).padStart(3, '0')}`,
  };
}
