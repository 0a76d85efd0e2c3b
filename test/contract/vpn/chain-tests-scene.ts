/** What holds of a chain, whatever its kinds are: of each pair the same is asked. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { routesCheck } from '../../../src/core/checks/routes.ts';
import { rulesetCheck } from '../../../src/core/checks/ruleset.ts';
import { tunnelCheck } from '../../../src/core/checks/tunnel.ts';
import { carriersOf, type Defence } from '../../../src/core/policy/index.ts';
import { describeUnless, missing } from '../../obstacle.ts';
import { BYTES, ChainScene, FIRST, SECOND, SITE_PORT, whyNoWireGuard } from './chain-scene.ts';
import { SERVER_PORT, type ServerKind } from './chain-servers.ts';

const obstacle = whyNoWireGuard() ?? missing('wg', 'nft', 'conntrack', 'bash', 'setpriv', 'openssl');

const daemons: Readonly<Record<ServerKind, string | undefined>> = {
  wireguard: undefined,
  openvpn: missing('openvpn'),
  'openvpn-tcp': missing('openvpn'),
  openconnect: missing('openconnect', 'ocserv'),
  'openconnect-slow': missing('openconnect', 'ocserv'),
};

/**
 * `gone`: with what is seen once the first tunnel is gone, where that can be seen to fail: a TCP socket is bound to the address
 * that went with the tunnel, and says nothing from another. `all`: with what the kinds have no part in, and with packets that
 * are too large, which neither TCP nor DTLS makes.
 */
export type Parts = 'connected' | 'gone' | 'all';

/** For people, the outer kind, the inner kind, and what of them is tried. */
export type Pair = readonly [string, ServerKind, ServerKind, Parts];

export function describeChains(pairs: readonly Pair[]): void {
  describe.each(pairs)('%s', (label, outer, inner, parts) => {
    const lacks = daemons[outer] ?? daemons[inner];
    describeUnless(obstacle ?? lacks, label)('a chain', () => describeChain(outer, inner, parts));
  });
}

function describeChain(outer: ServerKind, inner: ServerKind, parts: Parts): void {
  let scene: ChainScene;
  beforeAll(async () => {
    scene = await ChainScene.open(outer, inner);
    await scene.resolver();
  });
  afterAll(() => scene?.close());

  const whoIsSeen = async () => (await scene.fetch('work')).trim();

  /** Of a step: what the untrusted network saw meanwhile, apart from the first server's packets. */
  async function strange(work: () => Promise<unknown>): Promise<{ second: number; other: number }> {
    const before = scene.seen();
    await work();
    const after = scene.seen();
    return { second: after.second - before.second, other: after.other - before.other };
  }

  describe('as it is connected', () => {
    beforeAll(() => scene.connect());

    test('a work VM comes out at the second server, and the untrusted network sees the first alone', async () => {
      const before = scene.seen();
      expect(await strange(async () => expect(await whoIsSeen()).toBe(scene.client))).toEqual({ second: 0, other: 0 });
      expect(scene.seen().first).toBeGreaterThan(before.first);
    });

    test('what the gateway tells of itself is judged as a chain', async () => {
      await whoIsSeen();
      const leased = ['work0', 'tun0'];
      scene.verb('lease', leased.map((ifname) => `${ifname}\n`).join(''));
      const facts = scene.facts();
      scene.lease();
      const snapshot = { facts, askedMs: Date.now() - 200, answeredMs: Date.now() };
      const { plan, policy } = scene;
      expect(facts.beneath?.map(({ ifname }) => ifname)).toEqual(['hop0']);
      expect(routesCheck.judge({ policy, plan, tunnelAddresses: scene.secondPlan.addresses, snapshot })).toMatchObject({
        outcome: 'verified',
      });
      expect(rulesetCheck.judge({ policy, snapshot, leased })).toMatchObject({ outcome: 'verified' });
      const plans = [scene.firstPlan, scene.secondPlan];
      const hops = carriersOf(policy).map(({ socket, endpoints: [endpoint] }, index) => {
        const { kind, peerIdentity, certificates, serverId } = plans[index] ?? never();
        return {
          ...{ kind, peerIdentity, certificates, serverId, policy: socket, endpoint: endpoint ?? never() },
          ...{ connectBeganMs: scene.began, before: undefined, after: snapshot },
        };
      });
      expect(tunnelCheck.judge(hops)).toMatchObject({ outcome: 'verified' });
    });

    test('a download fills packets that fit, one inside the other', async () => {
      const [fragments, inside] = [scene.seen().fragments, scene.fragmentsInside()];
      expect((await scene.fetch('work')).length).toBe(BYTES);
      scene.send('work', SECOND.inside, scene.innerMtu);
      expect([scene.seen().fragments, scene.fragmentsInside()]).toEqual([fragments, inside]);
    });

    test('nothing but the second socket goes into the first tunnel: no question, no work VM', async () => {
      expect(await scene.fetch('gw', FIRST.inside, 53, 1_500)).toBe('');
      expect(await scene.fetch('work', FIRST.inside, SITE_PORT, 1_500)).toBe('');
    });

    test('what was asked in the first is forgotten before the second is made, and the first itself is not', async () => {
      await scene.makeFirst();
      expect(await scene.fetch('gw', FIRST.inside, 53)).toBe('here');
      const [
        {
          addresses: [own = ''],
        },
      ] = [scene.firstPlan];
      const known = (...of: readonly string[]) => scene.run('gw', 'conntrack', '-L', ...of);
      expect(known('-s', own.replace('/32', ''))).toContain('dport=53');
      await scene.makeSecond();
      expect(known('-s', own.replace('/32', ''))).not.toContain('dport=53');
      expect(known('-d', FIRST.address)).toContain(`dport=${SERVER_PORT}`);
      scene.lease();
      expect(await whoIsSeen()).toBe(scene.client);
    });

    test('taken down and made again, it is the same', async () => {
      scene.verb('untunnel');
      expect(scene.run('gw', 'ip', '-o', 'link')).not.toMatch(/hop0|tun0/);
      expect(scene.facts()).toMatchObject({ tunnel: null });
      await scene.connect();
      expect(await whoIsSeen()).toBe(scene.client);
    });

    test('the first server is lost: nothing comes through, and nothing goes another way; it comes back', async () => {
      await scene.server('a', 'down');
      expect(await strange(async () => expect(await scene.fetch('work')).toBe(''))).toEqual({ second: 0, other: 0 });
      await scene.server('a', 'up');
      await scene.connect();
      expect(await whoIsSeen()).toBe(scene.client);
    });
  });

  if (parts === 'all')
    describe('while the first stands alone', () => {
      beforeEach(() => scene.makeFirst());

      test('its resolver is asked by the gateway, through it', async () => {
        expect(await strange(async () => expect(await scene.fetch('gw', FIRST.inside, 53)).toBe('here'))).toEqual({
          second: 0,
          other: 0,
        });
      });

      test('nothing is forwarded into it, under a lease either', async () => {
        scene.lease();
        expect(await scene.fetch('work', FIRST.inside, SITE_PORT, 1_500)).toBe('');
      });

      test('anti-test: as a tunnel like any other it would be', async () => {
        const { underway: _, ...open } = scene.policy.tunnel ?? never();
        scene.apply({ ...scene.policy, tunnel: open });
        scene.lease();
        expect(await scene.fetch('work', FIRST.inside, SITE_PORT)).toBe('here');
      });
    });

  if (parts !== 'connected')
    describe('case 74: with the first tunnel gone under the second', () => {
      /** The gateway has a way out for whoever asks the main table, and the second tunnel wants to say something. */
      async function without(removed: readonly Defence[], wayEnds: boolean): Promise<number> {
        scene.verb('untunnel');
        await scene.makeFirst();
        await scene.makeSecond(undefined, ...removed);
        scene.lease();
        // Halves: more than the second tunnel's own default.
        for (const half of ['0.0.0.0/1', '128.0.0.0/1'])
          scene.run('gw', 'ip', 'route', 'replace', half, 'via', '10.0.2.2', 'dev', 'up0', 'onlink');
        scene.run('gw', 'ip', 'route', 'replace', `${SECOND.inside}/32`, 'dev', 'tun0');
        if (!wayEnds)
          scene.run('gw', 'ip', 'route', 'del', 'unreachable', 'default', 'table', '61', 'metric', '4278198272');
        try {
          scene.run('gw', 'ip', 'link', 'del', 'dev', 'hop0');
          const { second } = await strange(() => scene.fetch('gw', SECOND.inside, 53, 7_000));
          return second;
        } finally {
          for (const half of ['0.0.0.0/1', '128.0.0.0/1']) scene.run('gw', 'ip', 'route', 'del', half);
          if (!wayEnds)
            scene.run('gw', 'ip', 'route', 'add', 'unreachable', 'default', 'table', '61', 'metric', '4278198272');
        }
      }

      test('nothing of the second leaves by the uplink', async () => {
        expect(await without([], true)).toBe(0);
      });

      test('not by its table, were the firewall open', async () => {
        expect(await without(['uplink-output'], true)).toBe(0);
      });

      test('not through the firewall, had its table no end', async () => {
        expect(await without([], false)).toBe(0);
      });

      test('anti-test: with neither it is on the untrusted network', async () => {
        expect(await without(['uplink-output'], false)).toBeGreaterThan(0);
      });
    });

  if (parts === 'all')
    test('anti-test: an inner tunnel as large as the outer one comes in fragments', async () => {
      scene.verb('untunnel');
      await scene.makeFirst();
      await scene.makeSecond(scene.firstPlan.mtu);
      scene.lease();
      const before = scene.fragmentsInside();
      scene.send('work', SECOND.inside, scene.firstPlan.mtu);
      expect(scene.fragmentsInside()).toBeGreaterThan(before);
    });
}

function never(): never {
  throw new Error('there is none');
}
