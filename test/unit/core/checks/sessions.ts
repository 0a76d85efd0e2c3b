/** What the gateway tells of a VPN client that is connected, and the cases that are alike for every kind of one. */
import { describe, expect, test } from '@jest/globals';
import type { Snapshot } from '../../../../src/core/checks/snapshot.ts';
import { type TunnelFacts, tunnelCheck } from '../../../../src/core/checks/tunnel.ts';
import type { GatewayFacts } from '../../../../src/gateway/protocol.ts';
import { endpoint, healthyFacts, NOW, snapshot, tunnel } from './facts.ts';

type Session = Extract<GatewayFacts['tunnel'], { readonly told: string }>;
/** A look at the gateway that finds this otherwise; the tunnel's interface carried `bytes` each way. */
type Look = (change?: Readonly<Record<string, string | number>>, bytes?: number) => Snapshot;
export type Case = readonly [what: string, change: Partial<TunnelFacts>, outcome: string, mentions: string];

/** As `NAME=VALUE`, line by line. */
export function toldAs(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}=${value}`)
    .join('\n');
}

/** For five seconds. */
export const CONNECTED = { ifname: 'tun0', state: 'CONNECTED', sinceMs: NOW - 5_000, log: '' } as const;

export function lookAt(session: Session): Look {
  return (change = {}, bytes = 500) => {
    const links = healthyFacts().links.map((link) =>
      link.ifname === 'tun0' ? { ...link, rxBytes: bytes, txBytes: bytes } : link,
    );
    return snapshot({ links, tunnel: { ...session, ...change } });
  };
}

/** Of a healthy one; what its kind is judged by comes on top. */
export function sessionFacts(kind: Session['kind'], looked: Look): Omit<TunnelFacts, 'peerIdentity'> {
  return {
    ...{ kind, policy: tunnel, endpoint, certificates: undefined, serverId: undefined },
    ...{ connectBeganMs: NOW - 8_000, before: looked({}, 300), after: looked() },
  };
}

/** The cases, and those of any kind. */
export function describeSession(name: string, facts: TunnelFacts, looked: Look, cases: readonly Case[]): void {
  describe(name, () => {
    test.each<Case>([
      ['connected, both ways', {}, 'verified', 'received 200 bytes, sent 200 bytes during'],
      ['in the cheap loop', { before: undefined }, 'verified', 'received 500 bytes'],
      ...cases,
      ['a session of an earlier connect', { connectBeganMs: NOW - 1_000 }, 'refuted', 'older than this connect'],
      ['a session to come', { after: looked({ sinceMs: NOW + 9_000 }) }, 'unknown', 'in the future'],
      ['nothing went through', { after: looked({}, 300) }, 'unknown', 'received 0 bytes'],
      ['WireGuard instead', { after: snapshot() }, 'refuted', 'another kind'],
    ])('%s', (_, change, outcome, mentions) => {
      const opinion = tunnelCheck.judge([{ ...facts, ...change }]);
      expect([opinion.outcome, [opinion.summary, ...opinion.evidence].join('\n')]).toEqual([
        outcome,
        expect.stringContaining(mentions),
      ]);
    });
  });
}
