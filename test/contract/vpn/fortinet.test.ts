/**
 * Debian's openconnect, run as a gateway runs it, against Fortinet servers of our own making (fakes): real ones cannot be
 * installed.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, jest, test } from '@jest/globals';
import { describeUnless } from '../../obstacle.ts';
import { FakeFortinet, type FortinetOptions } from './fakes/fortinet.ts';
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
let fortinet: FakeFortinet;
let https: FakeHttps;

/** There is such a server. */
async function serve(options: Partial<FortinetOptions> = {}, shown: Identity = identity): Promise<void> {
  inside = new Inside();
  fortinet = new FakeFortinet({ ...LOGIN, ...options }, inside);
  https = await scene.serve(SERVER, shown, fortinet.answer);
}

const profile = (more: readonly string[] = [], at = '') => linesFor('fortinet', identity, more, at);
const logins = () => https.asked.filter((line) => line === 'POST /remote/logincheck').length;

describeUnless(obstacle, 'Fortinet')('Fortinet, against a fake', () => {
  standForAll(
    (stand) => {
      ({ scene, identities, identity } = stand);
    },
    () => https,
  );

  test('packets go through the tunnel, and the guard knows every frame of it', async () => {
    await serve();
    await scene.watch();
    expect(await scene.connect(profileOf(profile()))).toMatchObject({
      ...{ addresses: [`${INSIDE.client}/32`], resolvers: [INSIDE.host], searchDomains: ['corp.example'] },
    });
    await scene.lease();
    expect(await scene.echoes(INSIDE.host, 1_340, 20)).toBe(20);
    expect({ ...inside }).toEqual({ sources: new Set([INSIDE.client]), packets: 20, largest: 1_340 });
    const frames = await scene.guarded();
    expect(frames.length).toBeGreaterThan(30);
    expect(new Set(frames)).toEqual(new Set(['arp', 'tunnel']));
  });

  test('an idle tunnel is kept, and a connection that breaks is made again without the password', async () => {
    await serve();
    await scene.connect(profileOf(profile()));
    await scene.lease();
    await delay(IDLE_MS);
    expect(fortinet.ppp?.echoes).toBeGreaterThan(0);
    expect(await scene.echoes(INSIDE.host, 100, 5)).toBe(5);
    https.drop();
    await scene.echoes(INSIDE.host, 100, 20);
    expect(await scene.echoes(INSIDE.host, 100, 5)).toBe(5);
    expect([fortinet.tunnels, logins()]).toEqual([2, 1]);
  });

  test('a realm is that behind the server name', async () => {
    await serve({ realm: 'staff' });
    await scene.connect(profileOf(profile([], '/staff')));
    expect([fortinet.tunnels, https.asked[0]]).toEqual([1, 'GET /staff']);
  });

  test.each([
    ['an expired certificate', () => identities.issue(NAME, -1), 'VPN_SERVER_EXPIRED'],
    ['another name', () => identities.issue('other.example'), 'VPN_SERVER_UNPROVED'],
  ])('a server with %s hears nothing at all', async (_, shown, code) => {
    await serve({}, shown());
    const authority = ['<cafile>', identities.authority.trim(), '</cafile>'];
    const lines = [...profile().filter((line) => !line.startsWith('servercert')), ...authority];
    expect((await refusalOf(scene, profileOf(lines))).code).toBe(code);
    expect(https.asked).toEqual([]);
  });

  describe('the login', () => {
    test.each(['status', 'silently'] as const)('a wrong password is told, after one attempt: %s', async (refuses) => {
      await serve({ password: 'another', refuses });
      expect((await refusalOf(scene, profileOf(profile()))).code).toBe('VPN_LOGIN_REFUSED');
      expect(logins()).toBe(1);
    });

    test.each([
      ['tokeninfo', 'Enter the code that was sent to you Code:'],
      ['html', 'credential:'],
    ] as const)('a code that nobody gave is asked for: %s', async (challenge, words) => {
      await serve({ codes: [CODE], challenge });
      const refused = await refusalOf(scene, profileOf(profile()));
      expect([refused.code, refused.what]).toEqual(['VPN_OC_ASKS_MORE', expect.stringContaining(words)]);
    });

    test('a code that a page asks for is taken, once', async () => {
      await serve({ codes: [CODE], challenge: 'html' });
      await scene.connect(profileOf(profile([CHALLENGE]), CODE));
      await scene.disconnect();
      const again = await refusalOf(scene, profileOf(profile([CHALLENGE]), CODE), CODE);
      expect(again.code).toBe('VPN_LOGIN_REFUSED');
    });

    test.each(['status', 'silently'] as const)('a code is taken, once: %s', async (refuses) => {
      await serve({ codes: [CODE], refuses });
      await scene.connect(profileOf(profile([CHALLENGE]), CODE));
      await scene.disconnect();
      const again = await refusalOf(scene, profileOf(profile([CHALLENGE]), CODE), CODE);
      expect(again.code).toBe('VPN_LOGIN_REFUSED');
    });

    test('a session that is not let in, for want of a host check perhaps', async () => {
      await serve({ demandsCheck: true });
      expect((await refusalOf(scene, profileOf(profile()))).code).toBe('VPN_SERVER_DISAGREES');
    });

    test('a tunnel that is refused', async () => {
      await serve({ noTunnel: true });
      expect((await refusalOf(scene, profileOf(profile()))).code).toBe('VPN_SERVER_DISAGREES');
    });

    test('a server that is down', async () => {
      await scene.leave(SERVER);
      expect((await refusalOf(scene, profileOf(profile()))).code).toBe('GATE_TUNNEL_SILENT');
    });
  });

  test.each(['far.acme.example', STRANGER])('another server is not gone to: %s', async (elsewhere) => {
    await serve({ elsewhere });
    const stranger = await scene.serve(STRANGER, identity, fortinet.answer);
    const refused = await refusalOf(scene, profileOf(profile()));
    expect([refused.code, refused.what]).toEqual(['VPN_OC_ELSEWHERE', expect.stringContaining(elsewhere)]);
    expect([stranger.asked, logins()]).toEqual([[], 0]);
  });

  describe('what the server says of the inside', () => {
    test.each([
      ['an address of this side', { address: '10.0.2.15' }],
      ['the loopback as resolver', { resolver: '127.0.0.1' }],
    ])('is refused: %s', async (_, lies) => {
      await serve(lies);
      expect((await refusalOf(scene, profileOf(profile()))).code).toBe('VPN_ASSIGNED_INVALID');
    });
  });
});
