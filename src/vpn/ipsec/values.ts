/** Values that all three formats have, as zod reads them. Messages are what was expected; values are never repeated. */
import * as z from 'zod';
import { ipv4ToNumber } from '../../core/ipv4.ts';
import { isHostName, parsePrefix } from '../values.ts';

/** Characters that strongSwan's configuration and identities have no other meaning for; no wildcards. */
const IDENTITY = /^[A-Za-z0-9@._:/=,+' -]{1,255}$/;
/** What strongSwan takes for whoever comes, or for every address of a network or range (identification.c). */
const MANY = [/^(0\.0\.0\.0|::|0::0)$/, /^\d+(\.\d+){3}[/-]/, /^[\da-f:.]*:[\da-f:.]*[/-]/i, /^ipv[46](net|range):/i];

export const host = z
  .string()
  .max(253)
  .refine((text) => ipv4ToNumber(text) !== undefined || isHostName(text), 'a host name or an IPv4 address');
export const port = z.int().min(1).max(65_535);
export const identity = z
  .string()
  .refine(
    (text) => IDENTITY.test(text) && !MANY.some((pattern) => pattern.test(text)),
    'a name, an address, an e-mail address or a distinguished name',
  );
export const user = z.string().regex(/^[^\p{C}]{1,256}$/u, 'a user name of 1 to 256 characters');
export const secret = z.string().regex(/^[^\p{Cc}]{1,1024}$/u, 'one line of 1 to 1024 characters');
export const pem = z.string().max(65_536);
export const route = z
  .string()
  .refine(
    (text) => parsePrefix(text) !== undefined && text.includes('/'),
    'a network like 10.20.0.0/16 or 2001:db8::/32',
  );
export const resolver = z.string().refine((text) => ipv4ToNumber(text) !== undefined, 'an IPv4 address');
export const domain = z.string().refine(isHostName, 'a domain');
export const mtu = z.int().min(576).max(1_500);
/** swanctl.conf(5): `aes256-sha256-modp2048`. */
export const proposal = z
  .string()
  .regex(/^[a-z0-9_]{2,24}(-[a-z0-9_]{2,24}){0,24}$/, 'algorithms like aes256-sha256-modp2048');

/** More than any organisation has networks. */
export const MAX_ROUTES = 256;
