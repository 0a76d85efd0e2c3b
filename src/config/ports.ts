/** Ports of this machine that `vmgate forward NAME` leads to a work VM. */
import * as z from 'zod';

export interface ForwardedPort {
  /** On 127.0.0.1. */
  readonly host: number;
  readonly guest: number;
}

const MAX = 16;
const MAX_PORT = 65_535;
const WRITTEN = /^([1-9]\d{0,4}):([1-9]\d{0,4})$/;

/** @param text judged by {@link ports} */
export function readPort(text: string): ForwardedPort {
  const [, host, guest] = WRITTEN.exec(text) ?? [];
  return { host: Number(host), guest: Number(guest) };
}

const port = z
  .string({ error: 'must be HOST:GUEST in quotes, for example "8080:80"' })
  .regex(WRITTEN, { error: 'must be HOST:GUEST, for example 8080:80', abort: true })
  .refine((text) => Object.values(readPort(text)).every((each) => each <= MAX_PORT), {
    error: `must have ports of at most ${MAX_PORT}`,
  });

export const ports = z
  .array(port)
  .min(1)
  .max(MAX)
  .refine((all) => new Set(all.map((each) => readPort(each).host)).size === all.length, {
    error: 'must name each port of this machine once',
  })
  .meta({ description: 'HOST:GUEST, what `vmgate forward NAME` leads to the VM; nothing listens before it is typed' });
