/**
 * Defences an anti-test can take away, to show that the test would notice. The argument that removes them is of a type
 * no other room can make: `src/lab` holds the one cast, and a house test looks for others.
 */

/** Each names one thing the gateway's ruleset does; removing it opens exactly that. */
export type Defence =
  /** A live lease for forwarding and DNS. */
  | 'lease'
  /** One source address and MAC per link. */
  | 'source-pin'
  /** Forwarding into the tunnel and nowhere else. */
  | 'tunnel-only'
  /** No `ct state established accept` in front of the lease: with it a flow outlives its lease. */
  | 'no-shortcut'
  /** No connection of the gateway's own is taken up in the middle: one that was cut sends nothing more, on no way. */
  | 'no-pickup'
  /** A work VM's questions to any resolver are answered by the gateway's. */
  | 'own-resolver'
  /** No TCP segment is larger than the tunnel carries, whoever swallows the word that it was. */
  | 'mss-clamp'
  /** On a link the gateway hears of no router: of ICMPv6 only what finds neighbours comes in. */
  | 'own-router'
  /** Inbound on the uplink: the pinned endpoint only. */
  | 'uplink-input'
  /** Outbound on the uplink: the VPN socket to the pinned endpoint only. */
  | 'uplink-output'
  /** Outbound into a tunnel that another one runs through: that one's socket to its pinned endpoint only. */
  | 'hop-output';

/** Whether a defence was taken away. */
export type Without = (defence: Defence) => boolean;

declare const madeByTheLab: unique symbol;

export type RemovedDefences = ReadonlySet<Defence> & { readonly [madeByTheLab]: true };
