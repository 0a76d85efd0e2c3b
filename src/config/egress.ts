/** From what a file says about a work VM's ways out to the rules; and what in them can never count. */
import { inRange, ipRange } from '../core/ip-range.ts';
import { canonicalIpv6 } from '../core/ipv6.ts';
import { type EgressRule, isBelow, type WorkEgress } from '../core/policy/work-egress.ts';
import { type EgressFile, isPrefix, portRange, type RuleFile } from './egress-values.ts';

/** Undefined: everything, through the tunnel. */
export function completeEgress(file: EgressFile | undefined): WorkEgress | undefined {
  if (file === undefined || file === 'allow') return undefined;
  if (file === 'deny') return { otherwise: 'deny', rules: [] };
  if ('default' in file) return { otherwise: file.default, rules: file.rules.map(completeRule) };
  return { otherwise: 'deny', rules: file.map(completeRule) };
}

/** Where the `index`th rule stands below the key `egress`. */
export function rulePath(file: EgressFile | undefined, index: number): readonly PropertyKey[] {
  return typeof file === 'object' && 'default' in file ? ['rules', index] : [index];
}

function completeRule({ to, port, protocol, action, allowPrivate }: RuleFile): EgressRule {
  return {
    action: action ?? 'allow',
    to: target(to, allowPrivate ?? false),
    protocols: protocol === undefined ? [] : [...new Set([protocol].flat())],
    ports: port === undefined ? [] : [port].flat().map(range),
  };
}

function target(to: string, allowPrivate: boolean): EgressRule['to'] {
  if (to === 'any') return { kind: 'anywhere' };
  if (to.includes(':')) return { kind: 'prefix', prefix: canonicalIpv6(to) ?? to };
  if (isPrefix(to)) return { kind: 'prefix', prefix: to.includes('/') ? to : `${to}/32` };
  return { kind: 'name', name: to.toLowerCase().replace(/\.$/, ''), allowPrivate };
}

function range(port: number | string): { readonly first: number; readonly last: number } {
  if (typeof port === 'number') return { first: port, last: port };
  return portRange(port) ?? { first: 0, last: 0 };
}

/** A rule that never counts, and the one before it that decides all it could. */
export interface Shadowed {
  readonly rule: number;
  readonly by: number;
  /** They say the opposite. */
  readonly contradicts: boolean;
}

export function shadowedRules({ rules }: WorkEgress): readonly Shadowed[] {
  return rules.flatMap((rule, index) => {
    const by = rules.findIndex((earlier, place) => place < index && covers(earlier, rule));
    return by < 0 ? [] : [{ rule: index, by, contradicts: rules[by]?.action !== rule.action }];
  });
}

function covers(wide: EgressRule, narrow: EgressRule): boolean {
  return coversTarget(wide.to, narrow.to) && coversProtocols(wide, narrow) && coversPorts(wide, narrow);
}

function coversTarget(wide: EgressRule['to'], narrow: EgressRule['to']): boolean {
  if (wide.kind === 'anywhere') return true;
  if (wide.kind === 'name') {
    return narrow.kind === 'name' && isBelow(narrow.name, wide.name) && (wide.allowPrivate || !narrow.allowPrivate);
  }
  const [outer, inner] = [wide, narrow].map((to) => (to.kind === 'prefix' ? ipRange(to.prefix) : undefined));
  return outer !== undefined && inner !== undefined && inRange(inner.first, outer) && inRange(inner.last, outer);
}

function coversProtocols(wide: EgressRule, narrow: EgressRule): boolean {
  const spoken = (rule: EgressRule) =>
    rule.protocols.length === 0 && rule.ports.length > 0 ? (['tcp', 'udp'] as const) : rule.protocols;
  const [all, some] = [spoken(wide), spoken(narrow)];
  return all.length === 0 || (some.length > 0 && some.every((protocol) => all.includes(protocol)));
}

function coversPorts(wide: EgressRule, narrow: EgressRule): boolean {
  if (wide.ports.length === 0) return true;
  return (
    narrow.ports.length > 0 &&
    narrow.ports.every(({ first, last }) => wide.ports.some((outer) => outer.first <= first && last <= outer.last))
  );
}

/** How many rules the gateway's firewall gets of these. */
export function compiledRules({ rules }: WorkEgress): number {
  return rules.reduce(
    (sum, { protocols, ports }) => sum + Math.max(1, protocols.length || 2) * Math.max(1, ports.length),
    0,
  );
}
