/** Somebody is let through to a portal: where it leads by itself, where a person lets it, and how that ends. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { CodedEvent } from '../../../src/core/coded.ts';
import { LabPass } from '../../../src/lab/pass.ts';
import { SupervisorClient } from '../../../src/supervisor/client.ts';
import { answerTo } from './resolver.ts';
import { Stand } from './stand.ts';

jest.setTimeout(40_000);

const ROUTER = '192.168.77.1';
const PROBE = 'connectivitycheck.gstatic.com';
const [LOGIN, ASSETS, INTRANET] = ['9.9.9.40', '9.9.9.41', '10.9.9.9'];
const HERE = '127.0.0.1';

let stand: Stand;
let isPortalThere: boolean;
/** The network as the host sees it, and as the gateway does: two ways to the same portal. */
let portal: http.Server;
const names = new Map<string, readonly string[]>();
const asked: string[] = [];
const heard: CodedEvent[] = [];
const opened: Duplex[] = [];

beforeEach(async () => {
  isPortalThere = true;
  names.clear();
  for (const [name, address] of [
    [PROBE, LOGIN],
    ['login.hotel.example', LOGIN],
    ['assets.hotel.example', ASSETS],
    ['intranet.hotel.example', INTRANET],
    ['here.hotel.example', HERE],
  ] as const) {
    names.set(name, [address]);
  }
  portal = http.createServer(({ headers, url }, response) => {
    asked.push(`${headers.host}${url}`);
    if (!isPortalThere) response.writeHead(204).end();
    else if (headers.host === 'login.hotel.example') response.end('<form>');
    else response.writeHead(302, { location: 'http://login.hotel.example/start' }).end();
  });
  await new Promise<void>((resolve) => {
    portal.listen(0, '127.0.0.1', resolve);
  });
  stand = await Stand.open();
  stand.pass = LabPass.of({
    uplink: { kind: 'wire', localPath: '/nowhere/a', remotePath: '/nowhere/b' },
    addressing: { kind: 'static', address: '192.168.77.50', prefixLength: 24, nextHop: ROUTER },
    endpoint: { address: '9.9.9.9', port: 51_820 },
    exitCa: '',
    removedDefences: [],
    portal: { probe: { address: '127.0.0.1', port: (portal.address() as AddressInfo).port }, addresses: [] },
  });
  const { weather } = stand.parts;
  weather.onLookup = (resolver, question) => (resolver === ROUTER ? answerTo(question, names) : undefined);
  weather.onDial = (to, far) => {
    // The tunnel's resolver: nobody answers behind a portal.
    if (to.endsWith(':53')) throw new Error('nobody answers');
    far.on('error', () => undefined);
    portal.emit('connection', far);
  };
  await stand.supervise();
});

afterEach(async () => {
  for (const stream of opened.splice(0)) stream.destroy();
  asked.length = 0;
  heard.length = 0;
  await stand.close();
  portal.closeAllConnections();
  portal.close();
});

async function behindPortal(): Promise<void> {
  await expect(stand.up()).rejects.toMatchObject({ code: 'PORTAL_IN_THE_WAY', exit: 4 });
  expect(await stand.phase()).toBe('portal');
}

interface Letting {
  readonly client: SupervisorClient;
  readonly over: Promise<unknown>;
}

/** `vmgate portal`, up to the page. */
async function letThrough(allow: readonly string[] = [], url: string | null = null): Promise<Letting> {
  const client = await stand.client();
  const onEvent = (event: CodedEvent) => void heard.push(event);
  const over = client.ask({ verb: 'portal', url, allow: [...allow] }, { onEvent });
  over.catch(() => undefined);
  await stand.until(() => heard.some(({ code }) => code === 'PORTAL_READY'));
  return { client, over };
}

const said = (code: string) => heard.filter((event) => event.code === code).map(({ payload }) => payload);
const allow = (host: string) => stand.ask({ verb: 'portal-allow', host });

async function connect(host: string, port = 80): Promise<Duplex> {
  const asking = SupervisorClient.stream('default', stand.layout, { verb: 'portal-connect', host, port });
  const stream = await stand.during(asking);
  if (stream === undefined) throw new Error('no supervisor listens');
  stream.on('error', () => undefined).resume();
  opened.push(stream);
  return stream;
}

test('where nobody signs in nobody is let through', async () => {
  await behindPortal();
  await expect(connect('login.hotel.example')).rejects.toMatchObject({ code: 'PORTAL_NO_SIGN_IN', exit: 4 });
  await expect(allow('login.hotel.example')).rejects.toMatchObject({ code: 'PORTAL_NO_SIGN_IN' });
});

describe('somebody signs in', () => {
  beforeEach(behindPortal);

  test('is led to the page by its redirects, each host let out by the guard before the gateway asks it anything', async () => {
    await letThrough();
    expect(said('PORTAL_READY')).toEqual([{ url: 'http://login.hotel.example/start', seconds: 300 }]);
    expect(said('PORTAL_ALLOWED')).toEqual([
      { host: 'login.hotel.example', addresses: [LOGIN], by: 'redirect' },
      { host: PROBE, addresses: [LOGIN], by: 'redirect' },
    ]);
    const { guard, control } = stand.parts;
    expect(guard.extended[0]).toBe('portal login.hotel.example at ');
    expect(guard.extended[1]).toBe(`portal login.hotel.example at ${LOGIN}`);
    expect(guard.armedFor.at(-1)).toMatch(/^portal/);
    expect(control.said).not.toContain('lease');
    expect([...control.leases]).toEqual([]);
    await expect(connect('login.hotel.example')).resolves.toBeDefined();
    await expect(connect('LOGIN.hotel.example.')).resolves.toBeDefined();
  });

  test('any other host is held, told of once, and let through to once a person says so', async () => {
    await letThrough();
    for (const _ of [1, 2]) {
      await expect(connect('assets.hotel.example')).rejects.toMatchObject({ code: 'PORTAL_NAME_HELD', exit: 4 });
    }
    expect(said('PORTAL_HELD')).toMatchObject([{ host: 'assets.hotel.example' }]);
    expect(stand.parts.weather.dials).not.toContain(`${ASSETS}:80`);
    await expect(allow('assets.hotel.example')).resolves.toEqual({ addresses: [ASSETS] });
    await connect('assets.hotel.example');
    expect(stand.parts.weather.dials).toContain(`${ASSETS}:80`);
    expect(stand.parts.guard.extended.at(-1)).toContain(ASSETS);
  });

  test('a page at a private address waits for a person, whoever led there', async () => {
    await letThrough([], 'http://intranet.hotel.example/');
    expect(said('PORTAL_READY')).toMatchObject([{ url: 'http://intranet.hotel.example/' }]);
    await expect(connect('intranet.hotel.example')).rejects.toMatchObject({ code: 'PORTAL_NAME_HELD' });
    expect(stand.parts.weather.dials).not.toContain(`${INTRANET}:80`);
    await expect(allow('intranet.hotel.example')).resolves.toEqual({ addresses: [INTRANET] });
    await expect(connect('intranet.hotel.example')).resolves.toBeDefined();
  });

  test.each<[string, string, string]>([
    ['a name that leads to this machine', 'here.hotel.example', 'this machine itself'],
    ['this machine', '127.0.0.1', 'this machine itself'],
    ['cloud metadata', '169.254.169.254', 'link-local'],
    ['the other side of a work link', '10.213.0.2', 'in use inside the gate'],
    ['a name that nobody knows', 'nowhere.hotel.example', 'no IPv4 address'],
    ['IPv6', '[::1]', 'IPv4 only'],
    ['no name at all', '-', 'no name that DNS'],
  ])('%s is refused to a person too', async (_what, host, why) => {
    await letThrough();
    const refused = expect.objectContaining({ code: 'PORTAL_HOST_REFUSED', what: expect.stringContaining(why) });
    await expect(allow(host)).rejects.toEqual(refused);
    await expect(connect(host)).rejects.toMatchObject({ code: 'PORTAL_NAME_HELD' });
  });

  test.each<[string, (answer: Buffer) => Buffer | undefined]>([
    ['to another question', (answer) => Buffer.concat([Buffer.from([0, 1]), answer.subarray(2)])],
    ['cut off', (answer) => answer.subarray(0, 7)],
    ['that does not come', () => undefined],
  ])('an answer %s leads nowhere', async (_what, bend) => {
    await letThrough();
    stand.parts.weather.onLookup = (_resolver, question) => bend(answerTo(question, names));
    await expect(allow('assets.hotel.example')).rejects.toMatchObject({ code: 'PORTAL_HOST_REFUSED' });
    expect(stand.parts.guard.extended.join('\n')).not.toContain(ASSETS);
  });

  test('only ports 80 and 443, and no more than 32 hosts', async () => {
    await letThrough();
    await expect(connect('login.hotel.example', 8_080)).rejects.toMatchObject({ code: 'PORTAL_HOST_REFUSED' });
    for (let each = 0; each < 30; each += 1) await allow(`9.9.8.${each}`);
    await expect(allow('9.9.8.200')).rejects.toMatchObject({ what: expect.stringContaining('32 hosts') });
  });
});

describe('it ends', () => {
  beforeEach(behindPortal);

  const isOver = () => stand.until(async () => (await stand.phase()) !== 'sign-in');

  test('with the portal: the gate tries to connect by itself', async () => {
    const { over } = await letThrough();
    isPortalThere = false;
    await expect(stand.during(over)).resolves.toEqual({ how: 'signed in' });
    await isOver();
    stand.parts.weather.onDial = () => undefined;
    await stand.until(async () => (await stand.phase()) === 'open');
  });

  test('with whoever asked: connections are cut, the guard is shut', async () => {
    const { client } = await letThrough();
    const stream = await connect('login.hotel.example');
    client.close();
    await isOver();
    await stand.until(() => stream.destroyed || stream.readableEnded);
    expect(stand.parts.control.said).toContain('untunnel');
    await expect(connect('login.hotel.example')).rejects.toMatchObject({ code: 'PORTAL_NO_SIGN_IN' });
  });

  test('when the guard’s five minutes are over, whoever still wants what', async () => {
    const { over } = await letThrough();
    stand.parts.guard.report({ type: 'disarmed', why: 'portal' });
    await expect(stand.during(over)).resolves.toEqual({ how: 'closed' });
    await isOver();
    await expect(allow('assets.hotel.example')).rejects.toMatchObject({ code: 'PORTAL_NO_SIGN_IN' });
    expect(heard.map(({ text }) => text).join('\n')).toMatch(/closing.*5 minutes, and they are over/);
  });
});
