/** What a program wants, whichever of the two protocols it speaks, and how it is told the outcome in its own. */
import type { Duplex } from 'node:stream';
import type { VmgateError } from '../core/coded.ts';

export interface Asked {
  /** As it was written: a name, an address, anything. */
  readonly host: string;
  readonly port: number;
  /** The program's stream; what it sent behind its request can be read from it. */
  readonly stream: Duplex;
  readonly accept: () => void;
  /** Ends the stream. */
  readonly refuse: (fault: VmgateError) => void;
}

/** How an error of the gate reads in SOCKS and in HTTP; anything else is a plain failure. */
const WORDS: Readonly<Record<string, { readonly socks: number; readonly http: number }>> = {
  GATE_NOT_VERIFIED: { socks: 0x02, http: 503 },
  GATE_STREAMS_FULL: { socks: 0x02, http: 503 },
  GATE_TARGET_REFUSED: { socks: 0x02, http: 403 },
  GATE_NAME_UNKNOWN: { socks: 0x04, http: 502 },
  PORTAL_NAME_HELD: { socks: 0x02, http: 403 },
  PORTAL_HOST_REFUSED: { socks: 0x02, http: 403 },
  PORTAL_NO_SIGN_IN: { socks: 0x02, http: 503 },
  GATEWAY_DIAL_FAILED: { socks: 0x05, http: 502 },
};

export function wordsFor({ code }: VmgateError): { readonly socks: number; readonly http: number } {
  return WORDS[code] ?? { socks: 0x01, http: 502 };
}
