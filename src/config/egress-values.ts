/** What may be said about where a work VM may go. The words stand behind the key: "to must be ...". */
import { Address4 } from 'ip-address';
import * as z from 'zod';
import { canonicalIpv6, ipv6Range, ipv6ToNumber } from '../core/ipv6.ts';

export const EGRESS_BOUNDS = { rules: 32, ports: 8, peers: 30, compiled: 512 } as const;

/** Letters, digits and hyphens (RFC 1123, 2.1); at least two labels: one alone would be a whole top-level domain. */
const NAME = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

export function isPrefix(to: string): boolean {
  return /^[\d./]+$/.test(to) || to.includes(':');
}

/** Why `text` is nowhere that a rule can mean; undefined when it is an address, a prefix, a name or `any`. */
export function targetFault(text: string): string | undefined {
  if (text === 'any') return undefined;
  if (text.includes(':')) return prefix6Fault(text);
  if (isPrefix(text)) return prefixFault(text);
  if (text.includes('*')) {
    const plain = text.replace(/^\*\./, '');
    const hint = NAME.test(plain) ? `, did you mean ${plain}?` : '';
    return `has a "*": a name stands for itself and every name below it${hint}`;
  }
  if (/[^\0-\x7f]/.test(text)) return 'must be in ASCII: write a name as its resolver knows it (xn--...)';
  if (NAME.test(text.toLowerCase().replace(/\.$/, ''))) return undefined;
  return 'must be an address, a prefix like 10.20.0.0/16, a name like bank.example, or any';
}

function prefix6Fault(text: string): string | undefined {
  const canonical = canonicalIpv6(text);
  if (canonical === undefined) return 'must be an address or a prefix of IPv6, for example 2001:db8::/32';
  const [address = '', length] = text.split('/');
  if (length === undefined || ipv6ToNumber(address) === ipv6Range(text)?.first) return undefined;
  return `has bits behind its length, did you mean ${canonical}?`;
}

function prefixFault(text: string): string | undefined {
  try {
    const parsed = new Address4(text);
    const start = parsed.startAddress().correctForm();
    if (start === parsed.correctForm()) return undefined;
    return `has bits behind its length, did you mean ${start}/${parsed.subnetMask}?`;
  } catch {
    return 'must be an address or a prefix of IPv4, for example 10.20.0.0/16';
  }
}

const port = { least: 1, most: 65_535 } as const;
const PORT_TEXT = `must be ${port.least} to ${port.most}, or a range like 8000-8100`;

/** Both ends of `8000-8100`; undefined when it is no range of ports. */
export function portRange(text: string): { readonly first: number; readonly last: number } | undefined {
  const [, first, last] = /^(\d{1,5})-(\d{1,5})$/.exec(text) ?? [];
  const range = { first: Number(first), last: Number(last) };
  const fits = range.first >= port.least && range.first <= range.last && range.last <= port.most;
  return fits ? range : undefined;
}

const onePort = [
  z
    .number()
    .refine((value) => Number.isInteger(value) && value >= port.least && value <= port.most, { error: PORT_TEXT }),
  z.string().refine((text) => portRange(text) !== undefined, { error: PORT_TEXT }),
] as const;

const oneProtocol = z.enum(['tcp', 'udp', 'icmp']);

const rule = z
  .strictObject({
    to: z
      .string()
      .superRefine((text, context) => {
        const fault = targetFault(text);
        if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
      })
      .meta({ description: 'an address, a prefix, a name (and every name below it), or any' }),
    port: z
      .union([z.array(z.union(onePort)).min(1).max(EGRESS_BOUNDS.ports), ...onePort])
      .optional()
      .meta({ description: 'a port, a range like 8000-8100, or a list of them; every port unless said' }),
    protocol: z
      .union([z.array(oneProtocol).min(1).max(3), oneProtocol])
      .optional()
      .meta({ description: 'tcp and udp where there is a port, everything unless said' }),
    action: z.enum(['allow', 'deny']).optional().meta({ description: 'allow unless said' }),
    allowPrivate: z.boolean().optional().meta({ description: 'the name may lead to private addresses' }),
  })
  .superRefine(({ to, port: ports, protocol, action, allowPrivate }, context) => {
    const refuse = (key: string, message: string) => context.addIssue({ code: 'custom', path: [key], message });
    const isName = to !== 'any' && !isPrefix(to);
    if (ports !== undefined && [protocol].flat().includes('icmp')) refuse('port', 'is there, and ICMP has none');
    if (isName && action === 'deny') {
      refuse('to', 'is a name, and a deny by name keeps nobody from its addresses: deny a prefix');
    }
    if (allowPrivate !== undefined && !isName) refuse('allowPrivate', 'belongs to a name: an address is what it is');
  });
export type RuleFile = z.infer<typeof rule>;

const rules = z.array(rule).max(EGRESS_BOUNDS.rules);

/** The words last: of several ways to be wrong, that of the kind that was written is told. */
export const egress = z
  .union([rules.min(1), z.strictObject({ default: z.enum(['allow', 'deny']), rules }), z.enum(['allow', 'deny'])])
  .meta({
    description:
      'where it may go inside the tunnel: allow (everything, unless said), deny (nothing), rules that allow, or rules with a default; the first rule that fits decides',
  });
export type EgressFile = z.infer<typeof egress>;
