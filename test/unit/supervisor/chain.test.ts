/** A supervisor with a chain of two profiles: in which order what is asked for, and what each policy on the way lets out. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { readJournal } from '../../../src/home/index.ts';
import { newClientKey } from '../../../src/lab/client-profile.ts';
import type { StatusReport } from '../../../src/supervisor/protocol.ts';
import { installationKey, loadReceipt } from '../../../src/trust/index.ts';
import { addProfile } from '../../../src/vpn/index.ts';
import { playResolver } from './resolver.ts';
import { Stand } from './stand.ts';

jest.setTimeout(30_000);

const OUTER = '9.9.9.9';
const INNER = '1.0.0.9';
const OFFICE = '9.9.9.10';

let stand: Stand;
/** Names that were asked of the resolver inside the first hop. */
const NAMES = new Map([['exit.example', [INNER]]]);

beforeEach(async () => {
  stand = await Stand.open();
  await profile('exit', { endpoint: 'exit.example:51820' });
  configure('{chain: [lab, exit]}');
  await stand.supervise();
  stand.parts.weather.onDial = (to, far) => {
    if (to === '10.66.0.1:53') playResolver(far, NAMES);
  };
});
afterEach(() => stand.close());

function configure(vpn: string): void {
  writeFileSync(stand.configPath, `version: 1\nvpn: ${vpn}\nwork: {a: {template: tiny}}\n`);
}

async function profile(name: string, { endpoint = `${INNER}:51820`, address = '10.67.0.2/32', dns = '10.67.0.1' }) {
  const { privateKey } = newClientKey();
  const { publicKey } = newClientKey();
  const file = path.join(stand.folder, `${name}.conf`);
  writeFileSync(
    file,
    `[Interface]\nPrivateKey = ${privateKey}\nAddress = ${address}\nDNS = ${dns}\n[Peer]\nPublicKey = ${publicKey}\nEndpoint = ${endpoint}\nAllowedIPs = 0.0.0.0/0\n`,
    { mode: 0o600 },
  );
  await addProfile(stand.home.vpn, name, file, { split: false, dns: [] });
}

/** What a configuration cannot do undoes the `up`, and the supervisor ends with it. */
const phaseOrGone = () => stand.phase().catch(() => 'gone');
const status = async () => (await stand.ask({ verb: 'status' })) as StatusReport;
const pinned = () =>
  readJournal(stand.layout.journal).flatMap(({ code, payload }) => (code === 'GATE_PINNED' ? [payload] : []));

describe('a chain of two', () => {
  test('opens: each tunnel in its turn, the second inside the first', async () => {
    await stand.up();
    expect(await stand.phase()).toBe('open');
    const [first, second, ...more] = stand.parts.control.made;
    expect(more).toEqual([]);
    expect(first?.policy).toMatchObject({
      endpoints: [{ address: OUTER }],
      tunnel: { ifname: 'hop0', routes: ['10.66.0.1/32'], mark: 0x766d, underway: true },
    });
    expect(second?.policy).toMatchObject({
      endpoints: [{ address: OUTER }],
      through: [{ ifname: 'hop0', mark: 0x766d, endpoints: [{ address: INNER }] }],
      tunnel: { ifname: 'tun0', routes: ['0.0.0.0/0'], resolvers: ['10.67.0.1'], mark: 0x766e },
    });
    expect(second?.policy.through?.[0]?.localPort).toBe(first?.policy.tunnel?.localPort);
    expect(second?.policy.tunnel?.localPort).not.toBe(first?.policy.tunnel?.localPort);
    expect([first?.mtu, second?.mtu]).toEqual([1_420, 1_360]);
  });

  test("the second's server is looked up by the first's resolver, through it, and the guard hears of no other endpoint", async () => {
    await stand.up();
    expect(pinned()).toMatchObject([
      { host: OUTER, address: OUTER },
      { host: 'exit.example', address: INNER },
    ]);
    const { dials } = stand.parts.weather;
    expect(dials.filter((to) => to === '10.66.0.1:53').length).toBeGreaterThanOrEqual(2);
    // Of the first hop's endpoint and once: nothing of the second is the guard's to let out.
    expect(stand.parts.guard.armedFor).toEqual(['10.0.2.15 to 1 endpoints']);
  });

  test('status and receipt name all hops in order', async () => {
    await stand.up();
    expect((await status()).vpn).toMatchObject({
      profile: 'exit',
      endpoint: `${INNER}:51820`,
      through: [{ profile: 'lab', endpoint: `${OUTER}:51820` }],
    });
    const file = path.join(stand.layout.receipts, 'receipt.json');
    await stand.until(() => existsSync(`${file}.sig`));
    const { receipt } = await loadReceipt(file, await installationKey(stand.home.keys));
    expect(receipt.tunnel).toMatchObject({
      kind: 'wireguard',
      endpoint: { address: INNER, port: 51_820 },
      through: [{ kind: 'wireguard', endpoint: { address: OUTER, port: 51_820 } }],
    });
  });

  test('a hop that is lost: both are taken down, and up again in their order', async () => {
    await stand.up();
    const { said } = stand.parts.control;
    const before = said.length;
    stand.parts.weather.outcomes.set('tunnel', 'refuted');
    await stand.until(async () => (await stand.phase()) !== 'open');
    stand.parts.weather.outcomes.clear();
    await stand.until(async () => (await stand.phase()) === 'open');
    const again = said.slice(before).filter((verb) => ['untunnel', 'tunnel', 'apply'].includes(verb));
    // The closing order's, then from the beginning.
    expect(again.slice(again.indexOf('untunnel'))).toEqual(['untunnel', 'apply', 'tunnel', 'apply', 'tunnel']);
    expect(stand.parts.control.made.map(({ policy }) => policy.tunnel?.ifname)).toEqual([
      'hop0',
      'tun0',
      'hop0',
      'tun0',
    ]);
  });
});

describe('with a first hop whose server says what its inside is', () => {
  beforeEach(async () => {
    const sample = path.join(import.meta.dirname, '../vpn/openvpn/good/inline.ovpn');
    const file = path.join(stand.folder, 'office.ovpn');
    writeFileSync(file, readFileSync(sample, 'utf8').replace('remote vpn.acme.example', `remote ${OFFICE}`), {
      mode: 0o600,
    });
    await addProfile(stand.home.vpn, 'office', file, { split: false, dns: [] });
    configure('{chain: [office, exit]}');
  });
  const says = (...lines: readonly string[]) => {
    stand.parts.weather.told = ['foreign_option_1=dhcp-option DNS 10.66.0.1', ...lines].join('\n');
  };

  test('opens: its inside is set before the second is looked up, and what it leaves is the second’s', async () => {
    says('ifconfig_local=10.8.0.2');
    await stand.up();
    const { made, said } = stand.parts.control;
    expect(made.map(({ mtu }) => mtu)).toEqual([1_400, 1_340]);
    expect(made[1]?.policy.through).toMatchObject([{ ifname: 'hop0', endpoints: [{ address: INNER }] }]);
    const from = said.indexOf('tunnel');
    expect(said.slice(from, said.lastIndexOf('tunnel') + 1)).toEqual(['tunnel', 'apply', 'inside', 'apply', 'tunnel']);
    expect(pinned()).toMatchObject([{ address: OFFICE }, { host: 'exit.example', address: INNER }]);
  });

  test.each([
    ["the second's address", ['ifconfig_local=10.67.0.2'], 'VPN_CHAIN_ADDRESSES_OVERLAP'],
    ['room for less than the second needs', ['ifconfig_local=10.8.0.2', 'tun_mtu=620'], 'VPN_CHAIN_NARROW'],
  ])('it gives %s: closed, and it is said which hop and where it is named', async (_, lines, code) => {
    says(...lines);
    await expect(stand.up()).rejects.toMatchObject({
      code,
      what: expect.stringMatching(/vmgate\.yaml:2:23: .*exit/),
      evidence: ['hop 2 of the chain: exit'],
    });
    expect(stand.parts.control.made).toHaveLength(1);
    expect(await phaseOrGone()).not.toBe('open');
  });

  test('a one-time code is for the hop that asks, once', async () => {
    says('ifconfig_local=10.8.0.2');
    const asking = `auth-user-pass\nstatic-challenge "Code" 1\n`;
    const file = path.join(stand.folder, 'office.ovpn');
    writeFileSync(file, `${readFileSync(file, 'utf8')}${asking}`);
    await addProfile(stand.home.vpn, 'coded', file, {
      ...{ split: false, dns: [], login: { user: 'ann', password: 'open sesame' } },
    });
    configure('{chain: [coded, exit]}');
    await expect(stand.up()).rejects.toMatchObject({
      code: 'VPN_CODE_NEEDED',
      evidence: ['hop 1 of the chain: coded'],
    });
    await stand.up('123456');
    const [first, second, ...more] = stand.parts.control.made;
    expect(first?.revealed).toContain(Buffer.from('123456').toString('base64'));
    expect(second?.revealed).not.toContain(Buffer.from('123456').toString('base64'));
    expect(more).toEqual([]);
    // A connect later it is not what the server wants.
    stand.parts.weather.outcomes.set('tunnel', 'refuted');
    await stand.until(async () => (await stand.phase()) !== 'open');
    stand.parts.weather.outcomes.clear();
    await expect(stand.up()).rejects.toMatchObject({ code: 'VPN_CODE_NEEDED' });
  });

  test('what it gives wrongly is told with its place in the chain', async () => {
    says('ifconfig_local=127.0.0.1');
    await expect(stand.up()).rejects.toMatchObject({
      code: 'VPN_ASSIGNED_INVALID',
      evidence: ['hop 1 of the chain: office'],
    });
  });
});

describe('what is no chain is told, and nothing is begun', () => {
  test.each<[string, Parameters<typeof profile>[1], string, object]>([
    [
      'the first server again',
      { endpoint: `${OUTER}:51821` },
      '{chain: [lab, twin]}',
      { code: 'VPN_CHAIN_SAME_SERVER' },
    ],
    [
      'the same address inside',
      { address: '10.66.0.2/32' },
      '{chain: [lab, twin]}',
      { code: 'VPN_CHAIN_ADDRESSES_OVERLAP' },
    ],
    ['a profile that is not there', {}, '{chain: [nobody, twin]}', { code: 'VPN_UNKNOWN' }],
    ['a last profile that is not there', {}, '{chain: [twin, nobody]}', { code: 'VPN_UNKNOWN' }],
  ])('%s', async (_, change, vpn, fault) => {
    await profile('twin', change);
    configure(vpn);
    await expect(stand.up()).rejects.toMatchObject({ ...fault, exit: 2 });
    expect(stand.parts.controls).toEqual([]);
  });

  test('the place that names an unknown profile is told', async () => {
    configure('{chain: [lab, nobody]}');
    await expect(stand.up()).rejects.toMatchObject({
      evidence: [expect.stringMatching(/vmgate\.yaml:2:20: hop 2 of the chain$/)],
    });
  });
});

describe('a name that leads where no server of a chain may be', () => {
  afterEach(() => {
    NAMES.set('exit.example', [INNER]);
  });

  test.each([
    ['the first server itself', [OUTER], 'VPN_CHAIN_SAME_SERVER'],
    ['this machine', ['127.0.0.1'], 'VPN_ENDPOINT_FORBIDDEN'],
    ['a private network', ['192.168.1.9'], 'VPN_ENDPOINT_PRIVATE'],
    ["the gateway's own address in the first hop", ['10.66.0.2'], 'VPN_ENDPOINT_FORBIDDEN'],
  ])('%s: closed', async (_, addresses, code) => {
    NAMES.set('exit.example', addresses);
    await expect(stand.up()).rejects.toMatchObject({ code, exit: expect.anything() });
    expect(stand.parts.control.made).toHaveLength(1);
    expect(await phaseOrGone()).not.toBe('open');
  });

  test('a name that its resolver does not know', async () => {
    NAMES.delete('exit.example');
    await expect(stand.up()).rejects.toMatchObject({ code: 'GATE_NAME_UNKNOWN' });
    expect(await phaseOrGone()).not.toBe('open');
  });
});
