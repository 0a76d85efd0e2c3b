/**
 * Who is a router on a link, in the real kernel and with the real dnsmasq: the gateway where its tunnel has IPv6, and nobody
 * else.
 *
 * @leakCase 6 none: a work VM that says to be a router is heard by nobody
 * @leakCase 7 none: a work VM at a gateway without IPv6 fails at once over it
 */
import type { ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { compileNft, type Defence, type RemovedDefences } from '../../../src/core/policy/index.ts';
import { describeUnless, missing } from '../../obstacle.ts';
import { INSIDE, Ipv6Scene, policy, until, work6 } from './ipv6-scene.ts';
import { whyNot } from './namespaces.ts';

describeUnless(whyNot() ?? missing('dnsmasq'), 'routers on the links')('routers on the links', () => {
  let scene: Ipv6Scene;
  beforeAll(async () => {
    scene = new Ipv6Scene();
    await scene.serve();
    // Nobody has settled there: what a machine has comes from the gateway.
    scene.net.run('work', 'ip', '-6', 'addr', 'flush', 'dev', 'w1', 'scope', 'global');
    scene.net.run('work', 'sysctl', '-qw', 'net.ipv6.conf.w1.accept_ra=1', 'net.ipv6.conf.w1.autoconf=1');
  }, 30_000);
  afterAll(() => scene.remove());
  beforeEach(() => scene.net.load(compileNft(policy)));

  const { ifname, ipv6 } = work6;
  const lines = () => `interface=${ifname}\n${scene.gateway(`advertise ${ifname} ${ipv6?.network}`)}`;
  /** Has the machine ask for routers, as it does when its card comes up. */
  const ask = (space: 'work' | 'gw', card: string) => {
    for (const value of ['1', '0'])
      scene.net.run(space, 'sysctl', '-qw', `net.ipv6.conf.${card}.disable_ipv6=${value}`);
  };
  const routes = () => scene.list('work', 'route', 'w1');

  test('case 7: without an advertisement a work VM has no way out over IPv6, and fails at once', async () => {
    ask('work', 'w1');
    scene.net.lease('work0');
    const { said, tookMs } = await scene.fetch('work');
    expect(said).toBe('ENETUNREACH');
    expect(tookMs).toBeLessThan(500);
  });

  test('case 7, anti-test: with a way out of its own making it waits', async () => {
    scene.net.run('work', 'ip', '-6', 'route', 'add', 'default', 'via', 'fe80::dead', 'dev', 'w1');
    try {
      expect((await scene.fetch('work', INSIDE.site, 1_500)).said).toBe('nothing');
    } finally {
      scene.net.run('work', 'ip', '-6', 'route', 'del', 'default', 'via', 'fe80::dead', 'dev', 'w1');
    }
  });

  test('the gateway’s is taken: address, way out, size of packets; and a site is fetched', async () => {
    const dnsmasq = await scene.dnsmasq('gw', `${lines()}\nserver=${INSIDE.server}`);
    try {
      scene.net.run('gw', 'ip', 'link', 'set', 'tun0', 'mtu', '1420');
      ask('work', 'w1');
      scene.net.lease('work0');
      const address = await until(
        () => scene.list('work', 'addr', 'w1'),
        (text) => text.includes('inet6 fd76:6d67:1:0:') && !text.includes('tentative'),
      );
      expect(address).toContain('dynamic');
      expect(routes()).toMatch(/default via fe80::[0-9a-f:]+ .*proto ra /);
      expect(scene.net.run('work', 'cat', '/proc/sys/net/ipv6/conf/w1/mtu')).toBe('1420\n');
      expect((await scene.fetch('work')).said).toBe(`over IPv6 to ${INSIDE.gateway}`);
    } finally {
      scene.end(dnsmasq);
    }
  });

  describe('addresses of names', () => {
    beforeAll(() => {
      const heard = (space: 'work' | 'tun', ...match: readonly string[]) =>
        scene.net.run(space, '/usr/sbin/nft', 'insert', 'rule', 'ip', 'deaf', 'input', 'udp', ...match, 'accept');
      heard('work', 'sport', '53');
      heard('tun', 'dport', '53');
    });
    const asked = (extra: string) => async () => {
      const upstream = await scene.dnsmasq(
        'tun',
        `listen-address=10.64.0.2\nhost-record=both.example,192.0.2.9,2001:db8::9`,
      );
      const dnsmasq = await scene.dnsmasq('gw', `interface=${ifname}\nserver=10.64.0.2\n${extra}`);
      try {
        scene.net.lease('work0');
        return await scene.lookUp('work', 'both.example', work6.gateway);
      } finally {
        for (const each of [dnsmasq, upstream]) scene.end(each);
      }
    };

    test('of IPv6 are hidden where no link has it', async () => {
      expect(await asked(scene.gateway('echo $HIDE_IPV6'))()).toBe('192.0.2.9');
    });

    test('of both families go into the sets of a name, each into its own', async () => {
      const named = {
        action: 'allow',
        to: { kind: 'name', name: 'both.example', allowPrivate: false },
        protocols: [],
        ports: [],
      } as const;
      const links = policy.links.map((link) =>
        link.ifname === ifname ? { ...link, egress: { otherwise: 'deny', rules: [named] } as const } : link,
      );
      scene.net.load(compileNft({ ...policy, links }));
      await asked('nftset=/both.example/4#inet#vmgate#name0,6#inet#vmgate#name0_6')();
      const held = (set: string) => scene.net.run('gw', '/usr/sbin/nft', 'list', 'set', 'inet', 'vmgate', set);
      expect(held('name0')).toContain('192.0.2.9');
      expect(held('name0_6')).toContain('2001:db8::9');
    });

    test('anti-test: of both families otherwise', async () => {
      expect(await asked('')()).toBe('192.0.2.9 2001:db8::9');
    });
  });

  describe('case 6: a work VM that says to be one', () => {
    const SAID =
      'table ip6 said { chain out { type filter hook output priority 0; icmpv6 type nd-router-advert counter; }; }';
    let rogue: ChildProcess | undefined;
    beforeAll(() => {
      scene.net.run('work', 'ip', 'addr', 'add', '2001:db8:66::1/64', 'dev', 'w1', 'nodad');
      scene.net.run('work', '/usr/sbin/nft', SAID);
    });
    afterEach(() => {
      if (rogue !== undefined) scene.end(rogue);
      scene.net.run('gw', 'ip', '-6', 'route', 'flush', 'dev', 'work0', 'proto', 'ra');
    });
    const believed = () => scene.list('gw', 'route', 'work0').includes('default');
    const said = () =>
      Number(/packets (\d+)/.exec(scene.net.run('work', '/usr/sbin/nft', 'list', 'table', 'ip6', 'said'))?.[1]);
    /** As trusting as a router's kernel can be. */
    const trust = () =>
      scene.net.run('gw', 'sysctl', '-qw', 'net.ipv6.conf.work0.accept_ra=2', 'net.ipv6.conf.work0.autoconf=1');
    const unguarded = () =>
      scene.net.load(compileNft(policy, new Set<Defence>(['own-router']) as unknown as RemovedDefences));

    /** Advertises once at its beginning: resolves when that is out, and the gateway had its time for it. */
    async function advertised(): Promise<void> {
      const before = said();
      rogue = await scene.dnsmasq(
        'work',
        'interface=w1\nenable-ra\ndhcp-range=2001:db8:66::,ra-only,64\nra-param=w1,4,600',
      );
      await until(said, (count) => count > before, 25_000);
      await delay(500);
    }

    test('case 6: is not heard by the gateway’s firewall', async () => {
      trust();
      await advertised();
      expect(believed()).toBe(false);
    }, 30_000);

    test('case 6, anti-test: without that it becomes the gateway’s way out', async () => {
      trust();
      unguarded();
      await advertised();
      expect(believed()).toBe(true);
    }, 30_000);

    test('case 6: nor believed by the gateway’s kernel, if it is heard', async () => {
      scene.gateway('switch_on_ipv6 work0');
      unguarded();
      await advertised();
      expect(believed()).toBe(false);
    }, 30_000);
  });
});
