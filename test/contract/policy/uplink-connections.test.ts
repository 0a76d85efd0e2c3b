/**
 * TCP on the uplink, in the real kernel: a VPN's connection to its server, and what goes to a portal. Cut by a close, it is
 * dead for good, also where a later policy has the same place.
 *
 * @leakCase 30 none: what a TCP connection still had to send when the gate closed leaves by the uplink under no later policy: not to the VPN's server, not to a portal
 */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { VPN_USER } from '../../../src/core/policy/egress-policy.ts';
import { compileNft, type Defence, type EgressPolicy, type RemovedDefences } from '../../../src/core/policy/index.ts';
import { describeUnless, missing } from '../../obstacle.ts';
import {
  endpoint,
  openconnectPolicy,
  openPolicy,
  openvpnTcpPolicy,
  portalPolicy,
} from '../../unit/core/policy/policies.ts';
import { Namespaces, type Space, whyNot } from './namespaces.ts';
import { type Origin, Talkers } from './talkers.ts';

jest.setTimeout(30_000);

const GATEWAY = '10.0.2.15';
const { localPort = 0, mark = 0 } = openPolicy.tunnel ?? {};
const [PORTAL = ''] = portalPolicy.portal?.addresses ?? [];
/** TCP sends what was not acknowledged again after 0.2, 0.4, 0.8, .. s: this holds several attempts. */
const SEVERAL_ATTEMPTS_MS = 1_500;

/** With the VPN's socket at another port. What a connection that was cut still repeats keeps its own taken for minutes. */
function shifted(policy: EgressPolicy, by: number): EgressPolicy {
  const { tunnel } = policy;
  return tunnel === undefined ? policy : { ...policy, tunnel: { ...tunnel, localPort: localPort + by } };
}

interface Case {
  /** Under which it begins. */
  readonly policy: EgressPolicy;
  readonly server: Space;
  readonly to: { readonly address: string; readonly port: number };
  readonly from: Origin;
  /** Under which it still has something to say. */
  readonly later: EgressPolicy;
}

const CASES: Readonly<Record<string, Case>> = {
  // At its worst: the next connect has the same port.
  'OpenVPN over TCP': {
    policy: openvpnTcpPolicy,
    server: 'up',
    to: endpoint,
    from: { address: GATEWAY, port: localPort },
    later: openvpnTcpPolicy,
  },
  OpenConnect: {
    policy: openconnectPolicy,
    server: 'up',
    to: endpoint,
    from: { address: GATEWAY, user: VPN_USER },
    later: openconnectPolicy,
  },
  'a portal': {
    policy: portalPolicy,
    server: 'up',
    to: { address: PORTAL, port: 443 },
    from: { address: GATEWAY },
    later: portalPolicy,
  },
  'in the tunnel, to an address that a portal has too': {
    policy: openPolicy,
    server: 'tun',
    to: { address: PORTAL, port: 443 },
    from: { address: '10.64.0.1' },
    later: portalPolicy,
  },
};

describeUnless(whyNot() ?? missing('conntrack'), 'TCP on the uplink')('TCP on the uplink', () => {
  let net: Namespaces;
  let talkers: Talkers;
  beforeAll(() => {
    net = new Namespaces();
    talkers = new Talkers(net);
    for (const [space, card] of [
      ['up', 'u1'],
      ['tun', 't1'],
    ] as const) {
      net.run(
        space,
        'nft',
        'add',
        'rule',
        'ip',
        'deaf',
        'input',
        'tcp',
        'dport',
        `{ 443, ${endpoint.port} }`,
        'accept',
      );
      net.run(space, 'ip', 'addr', 'add', `${PORTAL}/32`, 'dev', card);
    }
    net.run('up', 'nft', SEEN);
  });
  afterEach(() => talkers.end());
  afterAll(() => net.remove());

  function load(policy: EgressPolicy, ...removed: readonly Defence[]): void {
    net.load(compileNft(policy, new Set(removed) as unknown as RemovedDefences));
    // As a client does that can put a mark on its socket.
    net.run('gw', 'nft', MARKED);
    net.run('gw', 'ip', 'route', 'flush', PORTAL);
    // As the gateway's `portal` verb does.
    if (policy.portal !== undefined) net.run('gw', 'ip', 'route', 'add', PORTAL, 'via', '10.0.2.2');
  }

  function seen(): number {
    const { nftables } = JSON.parse(net.run('up', 'nft', '-j', 'list', 'counter', 'ip', 'seen', 'segments')) as {
      nftables: readonly { readonly counter?: { readonly packets: number } }[];
    };
    return nftables.reduce((sum, { counter }) => sum + (counter?.packets ?? 0), 0);
  }

  /** Connects, and is cut by a close; what the untrusted network sees of it under the policy after that. */
  async function seenAfterTheClose({ policy, server, to, from, later }: Case, ...removed: readonly Defence[]) {
    const { port } = from;
    const by = removed.length;
    load(shifted(policy, by), ...removed);
    net.lease('tun0');
    const listening = await talkers.serve(server, to.address, to.port);
    const client = talkers.connect('gw', to.address, to.port, {
      ...from,
      port: port === undefined ? undefined : port + by,
    });
    await client.hears('connected');
    client.say('early');
    await listening.hears('early');
    // As the gateway's `unlease` verb does.
    net.unlease();
    net.run('gw', 'conntrack', '-F');
    load(shifted(later, by), ...removed);
    const before = seen();
    client.say('late');
    const until = Date.now() + SEVERAL_ATTEMPTS_MS;
    while (Date.now() < until && seen() === before) await delay(200);
    return seen() - before;
  }

  describe.each(Object.entries(CASES))('%s', (_, each) => {
    test('case 30: cut by a close, it says nothing more', async () => {
      expect(await seenAfterTheClose(each)).toBe(0);
    });

    test('case 30, anti-test: taken up in the middle, it goes on', async () => {
      expect(await seenAfterTheClose(each, 'no-pickup')).toBeGreaterThan(0);
    });
  });
});

const SEEN = `table ip seen {
counter segments {}
chain seen {
type filter hook prerouting priority -500;
meta l4proto tcp counter name segments
}
}`;

const MARKED = `table ip marked {
chain marked {
type filter hook output priority -150;
ip daddr ${endpoint.address} meta mark set ${mark}
}
}`;
