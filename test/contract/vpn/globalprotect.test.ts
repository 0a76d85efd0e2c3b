/**
 * Debian's openconnect, run as a gateway runs it, against GlobalProtect servers of our own making (fakes): real ones cannot be
 * installed.
 *
 * @leakCase 75 none: a VPN server that sends its clients on to another one, by a portal's list, has them tell that one nothing, neither
 *   name nor password
 */
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, jest, test } from '@jest/globals';
import { describeUnless } from '../../obstacle.ts';
import { FakeGlobalProtect, type GlobalProtectOptions } from './fakes/globalprotect.ts';
import type { FakeHttps, Identity } from './fakes/https.ts';
import type { Identities } from './fakes/identities.ts';
import { INSIDE, Inside } from './fakes/inside.ts';
import { SERVER, STRANGER } from './fakes/network.ts';
import type { FakeScene } from './fakes/scene.ts';
import {
  CHALLENGE,
  CODE,
  IDLE_MS,
  LOGIN,
  linesFor,
  NAME,
  obstacle,
  profileOf,
  refusalOf,
  standForAll,
} from './fakes/trial.ts';

jest.setTimeout(60_000);

let scene: FakeScene;
let identities: Identities;
let identity: Identity;
let inside: Inside;
let gp: FakeGlobalProtect;
let https: FakeHttps;

/** There is such a server. */
async function serve(options: Partial<GlobalProtectOptions> = {}, shown: Identity = identity): Promise<void> {
  inside = new Inside();
  gp = new FakeGlobalProtect({ ...LOGIN, ...options }, inside);
  https = await scene.serve(SERVER, shown, gp.answer);
}

const profile = (more: readonly string[] = [], at = '') => linesFor('gp', identity, more, at);
const logins = () => https.asked.filter((line) => /\/login\.esp$|global-protect\/getconfig\.esp$/.test(line)).length;

describeUnless(obstacle, 'GlobalProtect')('GlobalProtect, against a fake', () => {
  standForAll(
    (stand) => {
      ({ scene, identities, identity } = stand);
    },
    () => https,
  );

  test('packets go through the tunnel, and the guard knows every frame of it', async () => {
    await serve();
    await scene.watch();
    expect(await scene.connect(profileOf(profile()))).toEqual({
      ...{ addresses: [`${INSIDE.client}/32`], resolvers: [INSIDE.host], searchDomains: ['corp.example'], mtu: 1_400 },
    });
    await scene.lease();
    expect(await scene.echoes(INSIDE.host, 1_400, 20)).toBe(20);
    expect({ ...inside }).toEqual({ sources: new Set([INSIDE.client]), packets: 20, largest: 1_400 });
    const frames = await scene.guarded();
    expect(frames.length).toBeGreaterThan(30);
    expect(new Set(frames)).toEqual(new Set(['arp', 'tunnel']));
    expect(https.asked).not.toContain('POST /global-protect/prelogin.esp');
  });

  test('an idle tunnel is kept, and a connection that breaks is made again without the password', async () => {
    await serve();
    await scene.connect(profileOf(profile()));
    await scene.lease();
    await delay(IDLE_MS);
    expect(gp.keepalives).toBeGreaterThan(0);
    expect(await scene.echoes(INSIDE.host, 100, 5)).toBe(5);
    https.drop();
    await scene.echoes(INSIDE.host, 100, 20);
    expect(await scene.echoes(INSIDE.host, 100, 5)).toBe(5);
    expect([gp.tunnels, logins()]).toEqual([2, 1]);
  });

  describe('who the server is', () => {
    const byAuthority = () => ['<cafile>', identities.authority.trim(), '</cafile>'];
    const unpinned = () => [...profile().filter((line) => !line.startsWith('servercert')), ...byAuthority()];

    test('is proved by an authority and its name too', async () => {
      await serve();
      await scene.connect(profileOf(unpinned()));
      expect(gp.tunnels).toBe(1);
    });

    test.each([
      ['another name', unpinned, () => identities.issue('other.example'), 'VPN_SERVER_UNPROVED'],
      ['an expired certificate', unpinned, () => identities.issue(NAME, -1), 'VPN_SERVER_EXPIRED'],
      ['another key', profile, () => identities.issue(NAME), 'VPN_SERVER_UNPROVED'],
    ])('with %s it hears nothing at all', async (_, lines, shown, code) => {
      await serve({}, shown());
      expect((await refusalOf(scene, profileOf(lines()))).code).toBe(code);
      expect(https.asked).toEqual([]);
    });

    test('of a session is who the login was: another key there is refused', async () => {
      await serve();
      const { answer } = gp;
      const other = identities.issue(NAME);
      // It hands the cookie out, and is another from then on.
      https = await scene.serve(SERVER, identity, (request) => {
        const given = answer(request);
        if (request.path === '/ssl-vpn/login.esp') {
          setImmediate(async () => {
            https = await scene.serve(SERVER, other, answer);
          });
        }
        return given;
      });
      const refused = await refusalOf(scene, profileOf(unpinned()));
      expect(refused.code).toBe('VPN_SERVER_UNPROVED');
      expect(https.asked).toEqual([]);
    });
  });

  describe('the login', () => {
    test('a wrong password is told, after one attempt', async () => {
      await serve({ password: 'another' });
      expect((await refusalOf(scene, profileOf(profile()))).code).toBe('VPN_LOGIN_REFUSED');
      expect(logins()).toBe(1);
    });

    test.each(['xml', 'javascript'] as const)('a code that nobody gave is asked for: %s', async (challenge) => {
      await serve({ codes: [CODE], challenge });
      const refused = await refusalOf(scene, profileOf(profile()));
      expect([refused.code, refused.what]).toEqual([
        'VPN_OC_ASKS_MORE',
        expect.stringContaining('Enter the code from'),
      ]);
    });

    test.each(['xml', 'javascript'] as const)('a code is taken, once: %s', async (challenge) => {
      await serve({ codes: [CODE], challenge });
      await scene.connect(profileOf(profile([CHALLENGE]), CODE));
      await scene.disconnect();
      const again = await refusalOf(scene, profileOf(profile([CHALLENGE]), CODE), CODE);
      expect(again.code).toBe('VPN_LOGIN_REFUSED');
    });

    test('a sign-in on a web page', async () => {
      await serve({ saml: true });
      expect((await refusalOf(scene, profileOf(profile()))).code).toBe('VPN_OC_BROWSER');
      expect(logins()).toBe(0);
    });

    test('a cookie that is worth nothing', async () => {
      await serve({ forgets: true });
      expect((await refusalOf(scene, profileOf(profile()))).code).toBe('VPN_SERVER_DISAGREES');
    });

    test('a server that is down', async () => {
      await scene.leave(SERVER);
      expect((await refusalOf(scene, profileOf(profile()))).code).toBe('GATE_TUNNEL_SILENT');
    });
  });

  describe('a host checker', () => {
    test('is not run where the server only wishes it', async () => {
      await serve({ report: 'wanted' });
      await scene.connect(profileOf(profile()));
      expect([gp.tunnels, https.asked.filter((line) => line.includes('hipreport.esp'))]).toEqual([1, []]);
    });

    test('a server that demands it is told as one', async () => {
      await serve({ report: 'demanded' });
      expect((await refusalOf(scene, profileOf(profile()))).code).toBe('VPN_OC_HOST_CHECK');
    });
  });

  describe('a portal', () => {
    const portal = { is: ['portal', 'gateway'] } as const;

    test('is asked for where the profile says so, and may name itself', async () => {
      await serve({ ...portal, gateways: [[NAME, 'Here']] });
      await scene.connect(profileOf(profile([], '/portal')));
      expect([gp.tunnels, https.asked]).toEqual([1, expect.arrayContaining(['POST /global-protect/getconfig.esp'])]);
    });

    test('of several gateways the one of the profile is taken by its description', async () => {
      const gateways = [
        ['far.acme.example', 'Far'],
        [NAME, 'Here'],
      ] as const;
      await serve({ ...portal, gateways });
      const asked = await refusalOf(scene, profileOf(profile([], '/portal')));
      expect([asked.code, asked.what]).toEqual(['VPN_OC_ASKS_MORE', expect.stringContaining('[Far|Here]')]);
      await scene.disconnect();
      await scene.connect(profileOf(profile(['authgroup=Here'], '/portal')));
      expect(gp.tunnels).toBe(1);
    });

    test('a choice that nobody foresaw does not quote the code', async () => {
      const gateways = [
        [NAME, 'Here'],
        ['far.acme.example', 'Far'],
      ] as const;
      await serve({ ...portal, gateways });
      const planned = profileOf(profile([CHALLENGE], '/portal'), CODE);
      expect((await refusalOf(scene, planned, CODE)).code).toBe('VPN_OC_ASKS_MORE');
    });

    test.each([
      ['a name', 'far.acme.example'],
      ['an address', STRANGER],
      ['another port', `${NAME}:4443`],
    ])('case 75: another server is not gone to: %s', async (_, where) => {
      await serve({ ...portal, gateways: [[where, 'Far']] });
      const stranger = await scene.serve(STRANGER, identity, gp.answer);
      const refused = await refusalOf(scene, profileOf(profile([], '/portal')));
      expect([refused.code, refused.what]).toEqual(['VPN_OC_ELSEWHERE', expect.stringContaining(where)]);
      expect(stranger.asked).toEqual([]);
    });

    test('case 75, anti-test: without the firewall the other server would be told the password', async () => {
      await serve({ ...portal, gateways: [[STRANGER, 'Far']] });
      const stranger = await scene.serve(STRANGER, identity, gp.answer);
      const lines = profile([], '/portal');
      await scene.connect(profileOf(lines), 'uplink-output', 'uplink-input').catch(() => {});
      expect(stranger.asked).toContain('POST /ssl-vpn/login.esp');
    });

    test('that is no gateway is told as that', async () => {
      await serve({ is: ['portal'], gateways: [['far.acme.example', 'Far']] });
      const refused = await refusalOf(scene, profileOf(profile()));
      expect([refused.code, refused.what]).toEqual([
        'VPN_SERVER_DISAGREES',
        expect.stringContaining('no GlobalProtect gateway'),
      ]);
    });
  });

  test('a server that redirects its login is not followed elsewhere', async () => {
    await serve();
    https = await scene.serve(SERVER, identity, ({ path, query }) => ({
      status: '302 Found',
      headers: { Location: `https://far.acme.example${path}?${query}` },
    }));
    expect((await refusalOf(scene, profileOf(profile()))).code).toBe('VPN_OC_ELSEWHERE');
  });

  describe('what the server says of the inside', () => {
    test.each([
      ['an address of this side', { 'ip-address': '10.0.2.15' }],
      ['no address', { 'ip-address': 'x' }],
      ['the loopback as resolver', { dns: '<member>127.0.0.1</member>' }],
      ['a multicast address', { 'ip-address': '224.0.0.1' }],
    ])('is refused: %s', async (_, lies) => {
      await serve({ lies });
      expect((await refusalOf(scene, profileOf(profile()))).code).toBe('VPN_ASSIGNED_INVALID');
    });

    test('routes around it change nothing, and a tiny MTU becomes the least', async () => {
      const around = '<member>203.0.113.0/24</member>';
      const lies = { mtu: '100', 'exclude-access-routes': around, 'access-routes': '<member>10.66.0.0/24</member>' };
      await serve({ lies });
      expect(await scene.connect(profileOf(profile()))).toMatchObject({ mtu: 576 });
      const { routes4 } = await scene.facts();
      const leading = (routes4 as readonly { dst: string; dev?: string }[]).filter(({ dev }) => dev === 'tun0');
      expect(leading.map(({ dst }) => dst)).toEqual(expect.arrayContaining(['default']));
      expect(JSON.stringify(routes4)).not.toMatch(/203\.0\.113|10\.66\.0/);
    });
  });
});
