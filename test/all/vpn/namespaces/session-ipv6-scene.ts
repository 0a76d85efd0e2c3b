/**
 * What IPv6 of a tunnel is whose server says whether it has any, the same for each kind: the gateway's own scripts under its
 * own ruleset, against a real server.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { routesCheck } from '../../../../src/core/checks/routes.ts';
import { rulesetCheck } from '../../../../src/core/checks/ruleset.ts';
import { LAB } from '../../../../src/lab/index.ts';
import type { JudgedInside, SessionKind } from '../../../../src/vpn/index.ts';
import type { PlannedProfile } from '../../../../src/vpn/kind.ts';
import { until } from '../../../contract/policy/ipv6-scene.ts';
import { SessionScene } from './session-scene.ts';

/** A refusal comes at once, and a second of TCP's own. */
const SOON_MS = 2_000;

export interface Ipv6Session {
  readonly kind: SessionKind;
  /** A client's profile for the server there is. */
  readonly planned: (scene: SessionScene) => PlannedProfile;
  /** Words for the lab's server, but for IPv6: `six` and `six-lies` are the same for each. */
  readonly plain: readonly string[];
}

export function testIpv6({ kind, planned, plain }: Ipv6Session): void {
  let scene: SessionScene;
  beforeAll(async () => {
    scene = await SessionScene.open(kind);
  }, 90_000);
  afterAll(() => scene?.close());

  const connect = async (...is: readonly string[]) => {
    scene.server(...plain, ...is);
    return scene.connect(planned(scene));
  };
  const site = async (leased = true) => (await scene.fetch(LAB.ipv6.site, 3_000, leased)).said;
  const hasAddress = () =>
    until(
      () => scene.address(),
      (address) => address !== undefined,
    );
  const nothingForeign = () => expect(scene.foreign()).toBe(0);
  const speaking = ['probe0', 'tun0', 'work0'];

  describe('a server that gives none', () => {
    beforeAll(async () => {
      await connect();
      scene.replug();
    }, 60_000);

    test('case 7: no card speaks IPv6, and a work VM that tries fails at once', async () => {
      expect(await scene.speaking()).toEqual([]);
      const { said, tookMs } = await scene.fetch(LAB.ipv6.site);
      expect([said, tookMs < SOON_MS]).toEqual(['ENETUNREACH', true]);
      expect(await scene.lookUp(LAB.ipv6.bothName)).toBe(LAB.site);
      expect((await scene.fetch(LAB.site)).said).toBe(LAB.exit);
      nothingForeign();
    });

    test('case 7, anti-test: with a way out of its own making it waits', async () => {
      scene.inWork('ip', '-6', 'route', 'add', 'default', 'via', 'fe80::dead', 'dev', 'eth0');
      try {
        expect(await site()).not.toBe('ENETUNREACH');
      } finally {
        scene.inWork('ip', '-6', 'route', 'del', 'default', 'via', 'fe80::dead', 'dev', 'eth0');
      }
    });
  });

  describe('a server that gives it', () => {
    let given: JudgedInside;
    beforeAll(async () => {
      given = await connect('six');
      const { inside, ipv6Off } = given;
      const [address = ''] = inside.ipv6?.addresses ?? [];
      // Of OpenVPN's LAB.ipv6.client; others give any of that network.
      expect(address).toMatch(/^fd66:6c61:62:[0-9a-f:]*\/128$/);
      expect([ipv6Off, inside.ipv6]).toEqual([
        undefined,
        { addresses: [address], routes: ['::/0'], resolvers: [LAB.ipv6.inside] },
      ]);
      scene.replug();
      await hasAddress();
    }, 60_000);

    test('a work VM makes an address of what is advertised, and comes out at the IPv6 exit', async () => {
      expect(await scene.speaking()).toEqual(speaking);
      expect(scene.address()).toMatch(/^fd76:6d67:102:0:/);
      expect(await site()).toBe(LAB.ipv6.exit);
      expect((await scene.fetch(LAB.site)).said).toBe(LAB.exit);
      expect(await scene.lookUp(LAB.ipv6.bothName)).toBe(`${LAB.site} ${LAB.ipv6.site}`);
      nothingForeign();
    });

    test('what the gateway tells of itself is what the plan has, in both families', async () => {
      const leased = ['work0', 'tun0'];
      await scene.lease();
      const snapshot = { facts: await scene.control.facts(), askedMs: Date.now(), answeredMs: Date.now() };
      const { plan, policy } = scene;
      const { inside } = given;
      const tunnelAddresses = [...inside.addresses, ...(inside.ipv6?.addresses ?? [])];
      expect(routesCheck.judge({ policy, plan, tunnelAddresses, snapshot })).toMatchObject({ outcome: 'verified' });
      expect(rulesetCheck.judge({ policy, snapshot, leased })).toMatchObject({ outcome: 'verified' });
    });

    test('case 7: without a lease nothing goes', async () => {
      await scene.control.unlease();
      expect(await site(false)).not.toBe(LAB.ipv6.exit);
      expect(await site()).toBe(LAB.ipv6.exit);
      nothingForeign();
    });

    test('case 7, anti-test: without the lease’s rule it goes', async () => {
      await scene.load('lease');
      expect(await site(false)).toBe(LAB.ipv6.exit);
      await scene.load();
    });

    describe('case 7: another’s prefix', () => {
      const FORGED = '2001:db8:ffff::2';
      const arrives = async () => {
        const before = scene.arrived();
        await site();
        return scene.arrived() > before;
      };
      beforeAll(() => {
        scene.inWork('ip', '-6', 'addr', 'add', `${FORGED}/128`, 'dev', 'eth0', 'nodad');
        const way = ['via', scene.router(), 'dev', 'eth0', 'src', FORGED];
        scene.inWork('ip', '-6', 'route', 'add', LAB.ipv6.site, ...way);
      });
      afterAll(async () => {
        scene.inWork('ip', '-6', 'route', 'flush', LAB.ipv6.site);
        scene.inWork('ip', '-6', 'addr', 'del', `${FORGED}/128`, 'dev', 'eth0');
        await scene.load();
      });

      test('case 7: is not carried', async () => {
        expect(await arrives()).toBe(false);
      });

      test('case 7, anti-test: it would be, if sources were not pinned', async () => {
        await scene.load('source-pin');
        expect(await arrives()).toBe(true);
      });
    });

    test('case 7: with the server gone nothing goes, and none of it by the uplink', async () => {
      scene.foreign();
      scene.serverDown();
      expect(await site()).not.toBe(LAB.ipv6.exit);
      await scene.control.untunnel();
      expect(await site()).not.toBe(LAB.ipv6.exit);
      nothingForeign();
    });
  });

  describe('a server that takes it back', () => {
    test('case 7: the gateway’s cards speak none, nothing is advertised, and IPv4 goes on', async () => {
      await connect('six');
      expect(await scene.speaking()).toEqual(speaking);
      await connect();
      expect(await scene.speaking()).toEqual([]);
      expect(await site()).not.toBe(LAB.ipv6.exit);
      expect(await scene.lookUp(LAB.ipv6.bothName)).toBe(LAB.site);
      scene.replug();
      expect((await scene.fetch(LAB.ipv6.site)).said).toBe('ENETUNREACH');
      expect((await scene.fetch(LAB.site)).said).toBe(LAB.exit);
      nothingForeign();
    });

    test('and gives it again: it is as before', async () => {
      await connect('six');
      scene.replug();
      await hasAddress();
      expect(await site()).toBe(LAB.ipv6.exit);
    });
  });

  test('a server whose IPv6 is nobody’s: IPv4 goes on without it, and why', async () => {
    const { inside, ipv6Off } = await connect('six-lies');
    expect([inside.ipv6, ipv6Off]).toEqual([undefined, expect.stringContaining('no machine can be reached')]);
    expect(await scene.speaking()).toEqual([]);
    expect((await scene.fetch(LAB.site)).said).toBe(LAB.exit);
    nothingForeign();
  });
}
