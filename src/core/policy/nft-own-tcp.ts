/**
 * TCP that the gateway itself speaks: to a VPN's server, to a portal, into the tunnel. A connection begins with a SYN under
 * the rules there are, or conntrack knows it. Conntrack takes up any TCP packet of a flow it has forgotten as `new`: without
 * the SYN, what a connection that was cut still had to send would leave after the close, by whatever way its address has by
 * then (leak cases 29, 30, 68). A source port of its own for each connect tells most of them apart, and not every client is
 * told which to use.
 */
import type { Without } from './defence.ts';
import { ctDirection, ctState, type Expression, synOnly } from './nft-expressions.ts';

/** Each way for a packet of the gateway's to belong to something that begins here; one rule for each. */
export function begunHere(protocol: 'udp' | 'tcp', without: Without): readonly (readonly Expression[])[] {
  if (protocol === 'udp') return [[]];
  if (without('no-pickup')) return [[ctState('established', 'new'), ctDirection('original')]];
  return [
    [ctState('established'), ctDirection('original')],
    [synOnly, ctState('new'), ctDirection('original')],
  ];
}
