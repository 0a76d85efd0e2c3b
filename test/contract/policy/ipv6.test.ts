/**
 * IPv6 of the links in the real kernel, by the gateway's own script: through the tunnel under a lease, and nowhere else.
 *
 * @leakCase 5 none: over IPv6 too the gateway's resolver answers, whichever one a work VM asks
 * @leakCase 7 none: IPv6 of a work VM leaves by a tunnel that has it, with its own prefix and under its lease
 * @leakCase 31 none: over IPv6 too, TCP is clamped to a tunnel that is narrower than its ends think
 * @leakCase 36 none: over IPv6 no work VM reaches another
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { judgeRoute, route6 } from '../../../src/core/checks/route-entries.ts';
import { compareRulesets, compileNft, type Defence, type RemovedDefences } from '../../../src/core/policy/index.ts';
import { describeUnless } from '../../obstacle.ts';
import { GUEST6, INSIDE, Ipv6Scene, LARGE, NETWORK, OUTSIDE, PEER6, policy } from './ipv6-scene.ts';
import { whyNot } from './namespaces.ts';

/**
 * At once, and a second of TCP's own: on wires within one kernel the word comes while connect() still holds the socket, so
 * that it counts with the next SYN.
 */
const SOON_MS = 2_000;

/** Namespaces, cards and programs in them take a second, on a machine that is busy several. */
jest.setTimeout(30_000);

function without(...defences: readonly Defence[]) {
  return compileNft(policy, new Set(defences) as unknown as RemovedDefences);
}

describeUnless(whyNot(), 'IPv6 of the links')('IPv6 of the links', () => {
  let scene: Ipv6Scene;
  beforeAll(async () => {
    scene = new Ipv6Scene();
    await scene.serve();
  });
  afterAll(() => scene.remove());
  beforeEach(() => scene.net.load(without()));

  const out = { from: 'work', source: GUEST6, to: INSIDE.site } as const;

  test('is listed as it was compiled', () => {
    expect(compareRulesets(without(), scene.net.list())).toEqual([]);
  });

  test('what the kernel routes by itself on such links is what the check of the routes expects', () => {
    const listed: unknown[] = JSON.parse(scene.net.run('gw', 'ip', '-j', '-6', 'route', 'show', 'table', 'all'));
    const ways = {
      ...{ tunnel: 'tun0', tunnelPrefixes: [], hops: [], uplink: 'up0', uplinkTable: '51', nextHop: '10.0.2.2' },
      links: policy.links,
    };
    const ofLinks = listed.map((entry) => route6.parse(entry)).filter(({ dev = '' }) => /^(work|probe)/.test(dev));
    expect(ofLinks.length).toBeGreaterThan(policy.links.length);
    expect(ofLinks.flatMap((entry) => judgeRoute(entry, ways))).toEqual([]);
  });

  describe('case 7: a link without a lease', () => {
    test('case 7: reaches nothing over IPv6, and its lease’s end ends what was begun', async () => {
      expect(await scene.arrived(out)).toBe(0);
      scene.net.lease('work0');
      expect(await scene.arrived(out)).toBe(1);
      scene.net.unlease();
      expect(await scene.arrived(out)).toBe(0);
    });

    test('case 7: a lease of another link is none', async () => {
      scene.net.lease('work1');
      expect(await scene.arrived(out)).toBe(0);
    });

    test('case 7, anti-test: without the lease’s rule it reaches the tunnel', async () => {
      scene.net.load(without('lease'));
      expect(await scene.arrived(out)).toBe(1);
    });
  });

  test('under a lease it fetches a site, which sees the gateway’s address in the tunnel', async () => {
    scene.net.lease('work0');
    expect((await scene.fetch('work')).said).toBe(`over IPv6 to ${INSIDE.gateway}`);
  });

  test('a policy without IPv6 in the tunnel forwards none, whatever the routes are', async () => {
    const { ipv6: _, ...tunnel } = policy.tunnel ?? { ifname: '', routes: [], resolvers: [], localPort: 0, mark: 0 };
    scene.net.load(compileNft({ ...policy, tunnel }));
    scene.net.lease('work0');
    expect(await scene.arrived(out)).toBe(0);
  });

  describe('case 7: another’s address', () => {
    const foreign = [
      `${NETWORK.replace('fd76', 'fd77')}2`,
      '2001:db8:ffff::2',
      PEER6.replace(/2$/, '3'),
      // The gateway's own: of the link's prefix, and the kernel minds it no more than another.
      `${NETWORK}1`,
    ] as const;
    const heardFrom = async (source: string) => {
      scene.net.run('work', 'ip', 'addr', 'add', `${source}/128`, 'dev', 'w1', 'nodad');
      const heard = await scene.arrived({ ...out, source });
      scene.net.run('work', 'ip', 'addr', 'del', `${source}/128`, 'dev', 'w1');
      return heard;
    };
    afterAll(() => scene.settle('work', GUEST6));

    test.each(foreign)('case 7: %s is not heard', async (source) => {
      scene.net.lease('work0');
      expect(await heardFrom(source)).toBe(0);
    });

    test.each(foreign)('case 7, anti-test: %s would be, if sources were not pinned', async (source) => {
      scene.net.load(without('source-pin'));
      scene.net.lease('work0');
      expect(await heardFrom(source)).toBe(1);
    });

    test('case 7: with another MAC nothing is heard', async () => {
      scene.net.lease('work0');
      scene.net.run('work', 'ip', 'link', 'set', 'w1', 'address', '52:54:20:00:01:99');
      try {
        expect(await scene.arrived(out)).toBe(0);
      } finally {
        scene.net.run('work', 'ip', 'link', 'set', 'w1', 'address', '52:54:20:00:01:00');
      }
      expect(await scene.arrived(out)).toBe(1);
    });
  });

  describe('case 7: another way than the tunnel', () => {
    const away = { ...out, to: OUTSIDE };
    // In a gateway the uplink has no IPv6 at all: here it has, so that the firewall alone is what is tried.
    beforeAll(() => {
      scene.gateway('echo 0 >/proc/sys/net/ipv6/conf/up0/disable_ipv6; ip addr add 2001:db8:bad::2/64 dev up0 nodad');
      const mac = scene.net.run('up', 'cat', '/sys/class/net/u1/address').trim();
      scene.net.run('gw', 'ip', '-6', 'neigh', 'replace', OUTSIDE, 'lladdr', mac, 'dev', 'up0', 'nud', 'permanent');
      scene.net.run('up', 'ip', 'addr', 'add', `${OUTSIDE}/64`, 'dev', 'u1', 'nodad');
    });
    afterAll(() => void scene.gateway('echo 1 >/proc/sys/net/ipv6/conf/up0/disable_ipv6'));

    test('case 7: nothing goes to the uplink', async () => {
      scene.net.lease('work0');
      expect(await scene.arrived(away, 'up')).toBe(0);
    });

    test('case 7, anti-test: it would, if the tunnel were not the only way', async () => {
      scene.net.load(without('tunnel-only'));
      scene.net.lease('work0');
      expect(await scene.arrived(away, 'up')).toBe(1);
    });

    test('case 7: the gateway’s own does not either', async () => {
      const own = { from: 'gw', source: '2001:db8:bad::2', to: OUTSIDE } as const;
      expect(await scene.arrived(own, 'up')).toBe(0);
      scene.net.load(without('uplink-output'));
      expect(await scene.arrived(own, 'up')).toBe(1);
    });
  });

  describe('case 36: two work VMs', () => {
    const across = { ...out, to: PEER6 };

    test('case 36: do not reach each other over IPv6', async () => {
      for (const link of ['work0', 'work1']) scene.net.lease(link);
      expect(await scene.arrived(across, 'peer')).toBe(0);
    });

    test('case 36, anti-test: they would, if the tunnel were not the only way and links were not kept apart', async () => {
      const { nftables } = without('tunnel-only');
      const apart = nftables.filter(
        (entry) => !JSON.stringify(entry).includes('"addr":"fd76:6d67:1:1::"') || !isApart(entry),
      );
      scene.net.load({ nftables: apart });
      for (const link of ['work0', 'work1']) scene.net.lease(link);
      expect(await scene.arrived(across, 'peer')).toBe(1);
    });
  });

  describe('a question to a resolver elsewhere', () => {
    const question = { ...out, to: INSIDE.site, port: 53 };

    test('case 5: does not leave over IPv6', async () => {
      scene.net.lease('work0');
      expect(await scene.arrived(question)).toBe(0);
    });

    test('case 5, anti-test: without that it leaves by the tunnel', async () => {
      scene.net.load(without('own-resolver'));
      scene.net.lease('work0');
      expect(await scene.arrived(question)).toBe(1);
    });
  });

  describe('what the tunnel does not lead to', () => {
    afterEach(() => void scene.net.run('gw', 'ip', 'route', 'replace', '::/0', 'via', INSIDE.server, 'dev', 'tun0'));

    test('is refused at once', async () => {
      scene.net.run('gw', 'ip', 'route', 'del', '::/0');
      scene.net.lease('work0');
      const { said, tookMs } = await scene.fetch('work');
      expect(said).toMatch(/^E(NETUNREACH|HOSTUNREACH|ACCES)$/);
      expect(tookMs).toBeLessThan(SOON_MS);
    });

    test('anti-test: without the gateway’s word it hangs', async () => {
      scene.net.run('gw', 'ip', 'route', 'del', '::/0');
      const { nftables } = without();
      scene.net.load({ nftables: nftables.filter((entry) => !JSON.stringify(entry).includes('packet-too-big')) });
      scene.net.lease('work0');
      expect((await scene.fetch('work', INSIDE.site, SOON_MS)).said).toBe('nothing');
    });
  });

  describe('case 31: a tunnel that is narrower than a work VM thinks', () => {
    // What is larger is swallowed behind the tunnel, and nobody says so.
    beforeAll(() => {
      scene.net.run(
        'tun',
        '/usr/sbin/nft',
        'table ip6 way { chain out { type filter hook output priority 0; ip6 length > 1240 drop; }; }',
      );
      scene.net.run('tun', 'ip', 'link', 'set', 't1', 'gso_max_segs', '1');
      scene.net.run('gw', 'ip', 'link', 'set', 'tun0', 'mtu', '1280');
    });
    afterAll(() => {
      scene.net.run('tun', '/usr/sbin/nft', 'delete', 'table', 'ip6', 'way');
      scene.net.run('gw', 'ip', 'link', 'set', 'tun0', 'mtu', '1500');
    });

    test('case 31: TCP over IPv6 is clamped to it', async () => {
      scene.net.lease('work0');
      expect(await scene.fetchBytes('work')).toBe(LARGE);
    });

    test('case 31, anti-test: without the clamp it hangs', async () => {
      scene.net.load(without('mss-clamp'));
      scene.net.lease('work0');
      expect(await scene.fetchBytes('work')).toBeLessThan(LARGE);
    });
  });

  test('the gateway’s own connection over IPv6 needs a lease of the tunnel', async () => {
    expect((await scene.fetch('gw', INSIDE.site, 1_000)).said).not.toContain('over IPv6');
    scene.net.lease('tun0');
    expect((await scene.fetch('gw')).said).toBe(`over IPv6 to ${INSIDE.gateway}`);
  });
});

/** The rule that drops what is meant for a link's own network. */
function isApart(entry: object): boolean {
  const text = JSON.stringify(entry);
  return text.includes('"chain":"forward"') && text.includes('dropped_forward');
}
