/** What the rules of several chains say of a link in the same words; without a defence they do not say it. */
import type { Without } from './defence.ts';
import type { TunnelPolicy } from './egress-policy.ts';
import { type Expression, iifname, oifname } from './nft-expressions.ts';

const OPEN = '@open';
/** The link that never has a VM. */
export const PROBE = 'probe0';

/** Connections that began in another tunnel are told that they are over. */
export function resets({ onlyNewFlows }: TunnelPolicy, without: Without): boolean {
  return onlyNewFlows === true && !without('no-pickup');
}

export function lease(direction: 'in' | 'out', without: Without): Expression[] {
  if (without('lease')) return [];
  return [direction === 'in' ? iifname(OPEN) : oifname(OPEN)];
}
