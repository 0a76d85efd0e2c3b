/** The control channel as the rest of vmgate sees it: typed verbs over SSH over a virtio-serial byte stream. */
import type { Duplex } from 'node:stream';
import type { EgressPolicy } from '../core/policy/egress-policy.ts';
import type { TunnelInside, TunnelPlan, TunnelSecrets } from '../vpn/tunnel-plan.ts';
import type { GatewayCounts, GatewayFacts, Hello, Leases, UplinkLease } from './protocol.ts';

/** One client at a time: the supervisor owns it and multiplexes. Every verb rejects with a VmgateError. */
export interface GatewayControl {
  readonly closed: Promise<string>;
  hello(): Promise<Hello>;
  apply(rulesetJson: string): Promise<void>;
  uplink(): Promise<UplinkLease>;
  tunnel(
    plan: TunnelPlan,
    secrets: TunnelSecrets,
    pinned: { readonly address: string; readonly port: number },
    policy: EgressPolicy,
  ): Promise<void>;
  /** What the server of an `assigned` plan said the tunnel's inside is, once it was judged. */
  inside(inside: TunnelInside, policy: EgressPolicy): Promise<void>;
  untunnel(): Promise<void>;
  /** Instead of a tunnel: what the policy lets out goes by the uplink. `untunnel` and `tunnel` end it. */
  portal(): Promise<void>;
  /** What a resolver on the uplink answers to a DNS message; undefined when it answers nothing. */
  lookup(resolver: string, question: Buffer): Promise<Buffer | undefined>;
  /** Grants or renews 15 s for each; everything else loses its lease. */
  lease(ifnames: readonly string[]): Promise<Leases>;
  /** Deletes every lease and flushes conntrack. */
  unlease(): Promise<void>;
  counts(): Promise<GatewayCounts>;
  facts(): Promise<GatewayFacts>;
  /** Where the guest's clock is a second off or more. */
  setClock(epochMs: number): Promise<void>;
  logs(): Promise<string>;
  /** A TCP connection made by the gateway (SSH direct-tcpip): into the tunnel, to a work VM on its link, or to a portal. */
  dial(address: string, port: number): Promise<Duplex>;
  close(): void;
}
