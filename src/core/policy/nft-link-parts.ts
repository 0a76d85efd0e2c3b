/** What the rules of several chains say of a link in the same words; without a defence they do not say it. */
import { ipv4Range, numberToIpv4 } from '../ipv4.ts';
import type { Without } from './defence.ts';
import type { PolicyLink, TunnelPolicy } from './egress-policy.ts';
import { type Expression, field, iifname, oifname } from './nft-expressions.ts';

const OPEN = '@open';
/** The link that never has a VM. */
export const PROBE = 'probe0';

/** Connections that began in another tunnel are told that they are over. */
export function resets({ onlyNewFlows }: TunnelPolicy, without: Without): boolean {
  return onlyNewFlows === true && !without('no-pickup');
}

export function source(link: PolicyLink, without: Without): Expression[] {
  return without('source-pin') ? [] : [field('ip', 'saddr', link.guest)];
}

export function lease(direction: 'in' | 'out', without: Without): Expression[] {
  if (without('lease')) return [];
  return [direction === 'in' ? iifname(OPEN) : oifname(OPEN)];
}

/** Network address of a link, e.g. `10.213.0.8` of `10.213.0.9/29`. */
export function network({ gateway, prefixLength }: PolicyLink): string {
  return numberToIpv4(ipv4Range(`${gateway}/${prefixLength}`)?.first ?? 0);
}
