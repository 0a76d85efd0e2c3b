import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  addProfile,
  claimKey,
  clearTextPlan,
  describeTunnel,
  keyHolder,
  listProfiles,
  loadProfile,
  removeProfile,
} from '../../../src/vpn/index.ts';
import { codeOf } from '../faults.ts';

const WHOLE = { split: false, dns: [] };
const profile = (name: string) => path.join(import.meta.dirname, 'profiles', name);
const nobody = async () => undefined;

let home: string;
let vpn: string;
beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'vmgate-vpn-'));
  vpn = path.join(home, 'vpn');
});
afterEach(() => rm(home, { recursive: true, force: true }));

describe('add', () => {
  test('keeps a private copy that loads as it was added', async () => {
    const added = await addProfile(vpn, 'acme', profile('full.conf'), WHOLE);
    const loaded = await loadProfile(vpn, 'acme');
    expect(loaded.plan).toEqual(added.plan);
    expect(loaded.publicKey).toBe(added.publicKey);
    for (const file of ['profile.conf', 'meta.json']) {
      expect((await stat(path.join(vpn, 'acme', file))).mode & 0o777).toBe(0o600);
    }
    expect((await stat(path.join(vpn, 'acme'))).mode & 0o777).toBe(0o700);
    expect(await readFile(path.join(vpn, 'acme/profile.conf'))).toEqual(await readFile(profile('full.conf')));
  });

  test('remembers --split and --dns', async () => {
    await addProfile(vpn, 'acme', profile('split.conf'), { split: true, dns: ['10.64.0.53'] });
    expect((await loadProfile(vpn, 'acme')).plan).toMatchObject({ split: true, resolvers: ['10.64.0.53'] });
  });

  test('a taken name changes nothing and leaves nothing behind', async () => {
    const first = await addProfile(vpn, 'acme', profile('full.conf'), WHOLE);
    expect(await codeOf(addProfile(vpn, 'acme', profile('windows.conf'), WHOLE))).toBe('VPN_NAME_TAKEN');
    expect((await loadProfile(vpn, 'acme')).addedAt).toBe(first.addedAt);
    expect(await readdir(vpn)).toEqual(['acme']);
  });

  test('of two at once one wins', async () => {
    const attempts = [1, 2, 3, 4].map(() => addProfile(vpn, 'acme', profile('full.conf'), WHOLE));
    const results = await Promise.allSettled(attempts);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await readdir(vpn)).toEqual(['acme']);
  });

  test.each(['', '.', '..', 'a/b', 'A', '-a', 'in use', 'a'.repeat(33), '.in-use', 'a\n'])(
    'refuses the name %j',
    async (name) => {
      expect(await codeOf(addProfile(vpn, name, profile('full.conf'), WHOLE))).toBe('VPN_NAME_INVALID');
    },
  );

  test('refuses files that are none, and endpoints that can never be dialled', async () => {
    const add = (file: string) => codeOf(addProfile(vpn, 'acme', file, WHOLE));
    expect(await add(path.join(home, 'missing.conf'))).toBe('VPN_PROFILE_UNREADABLE');
    expect(await add(home)).toBe('VPN_PROFILE_UNREADABLE');
    const big = path.join(home, 'big.conf');
    await writeFile(big, '#'.repeat(70_000));
    expect(await add(big)).toBe('VPN_PROFILE_TOO_LARGE');
    const text = await readFile(profile('full.conf'), 'utf8');
    const aimed = path.join(home, 'aimed.conf');
    await writeFile(aimed, text.replace('vpn.acme.example', '10.0.2.2'));
    expect(await add(aimed)).toBe('VPN_ENDPOINT_FORBIDDEN');
    const lab = await addProfile(vpn, 'lab', aimed, WHOLE, (address) => address === '10.0.2.2');
    expect(lab.plan.endpoint.host).toBe('10.0.2.2');
    expect(await readdir(vpn)).toEqual(['lab']);
  });
});

describe('what is stored', () => {
  beforeEach(() => addProfile(vpn, 'acme', profile('full.conf'), WHOLE));

  test('must be private', async () => {
    await chmod(path.join(vpn, 'acme/profile.conf'), 0o644);
    expect(await codeOf(loadProfile(vpn, 'acme'))).toBe('VPN_STORED_EXPOSED');
  });

  test('must be what vmgate wrote', async () => {
    await writeFile(path.join(vpn, 'acme/meta.json'), '{"version": 1, "split": true}');
    expect(await codeOf(loadProfile(vpn, 'acme'))).toBe('VPN_STORED_DAMAGED');
  });

  test('is not read through a link', async () => {
    await rm(path.join(vpn, 'acme/profile.conf'));
    await symlink(profile('full.conf'), path.join(vpn, 'acme/profile.conf'));
    expect(await codeOf(loadProfile(vpn, 'acme'))).toBe('VPN_STORED_DAMAGED');
  });

  test('a broken one is listed beside the others and can be removed', async () => {
    await addProfile(vpn, 'broken', profile('windows.conf'), WHOLE);
    await writeFile(path.join(vpn, 'broken/profile.conf'), 'PostUp = x');
    const listed = await listProfiles(vpn);
    expect(listed.map((entry) => [entry.name, 'fault' in entry])).toEqual([
      ['acme', false],
      ['broken', true],
    ]);
    await removeProfile(vpn, 'broken', nobody);
    expect(await readdir(vpn)).toEqual(['acme']);
  });

  test('unknown names say what there is', async () => {
    const fault: unknown = await loadProfile(vpn, 'acne').catch((cause: unknown) => cause);
    expect(fault).toMatchObject({ code: 'VPN_UNKNOWN', payload: { name: 'acne', known: ['acme'] } });
    expect(await codeOf(removeProfile(vpn, 'acne', nobody))).toBe('VPN_UNKNOWN');
    expect(await listProfiles(path.join(home, 'nowhere'))).toEqual([]);
  });

  test('what people are shown has no secret', async () => {
    const { plan } = await loadProfile(vpn, 'acme');
    expect(describeTunnel('acme', plan)).toBe(
      'acme: WireGuard to vpn.acme.example:51820, server key Ib+lyX2LkjBHMp7sSrer9ecIZwrcvMcBaxBgWOOhTWA=, private key (hidden), full tunnel, DNS 10.64.0.1, MTU 1420',
    );
    expect(clearTextPlan(plan).map(({ from, to, what, visible }) => [from, to, what, visible])).toEqual([
      ['this machine', "the local network's resolver", 'DNS: the address of vpn.acme.example', 'in clear'],
      ['the gateway', 'the router', 'ARP: asks for the router, answers it', 'in clear'],
      ['the gateway', 'vpn.acme.example port 51820', 'WireGuard over UDP', 'encrypted'],
      ['this machine', 'the server of portal.probe', 'HTTP: asks whether a sign-in page is in the way', 'in clear'],
    ]);
    const literal = { ...plan, endpoint: { ...plan.endpoint, host: '198.41.0.4' } };
    expect(clearTextPlan(literal)).toHaveLength(3);
  });
});

describe('one key in one gate', () => {
  test('a second gate is refused until the first lets go', async () => {
    const { publicKey } = await addProfile(vpn, 'acme', profile('full.conf'), WHOLE);
    const claim = await claimKey(vpn, publicKey, 'default');
    expect(await keyHolder(vpn, publicKey)).toBe('default');
    const fault: unknown = await claimKey(vpn, publicKey, 'acme').catch((cause: unknown) => cause);
    expect(fault).toMatchObject({ code: 'VPN_KEY_IN_USE', exit: 4, payload: { gate: 'acme', heldBy: 'default' } });
    const heldBy = (key: string) => keyHolder(vpn, key);
    expect(await codeOf(removeProfile(vpn, 'acme', heldBy))).toBe('VPN_IN_USE');
    claim.release();
    expect(await keyHolder(vpn, publicKey)).toBeUndefined();
    (await claimKey(vpn, publicKey, 'acme')).release();
    await removeProfile(vpn, 'acme', heldBy);
    expect(await listProfiles(vpn)).toEqual([]);
  });

  test('a key whose gate cannot be written down is let go', async () => {
    const { publicKey } = await addProfile(vpn, 'acme', profile('full.conf'), WHOLE);
    (await claimKey(vpn, publicKey, 'default')).release();
    const [folder = ''] = await readdir(path.join(vpn, '.in-use'));
    const note = path.join(vpn, '.in-use', folder, 'gate');
    await rm(note);
    await mkdir(path.join(note, 'in-the-way'), { recursive: true });
    await expect(claimKey(vpn, publicKey, 'default')).rejects.toThrow();
    expect(await keyHolder(vpn, publicKey)).toBeUndefined();
  });
});

describe('kind', () => {
  const openvpn = (name: string) => path.join(import.meta.dirname, 'openvpn', name);

  test('an OpenVPN profile is known by its content, and judged whole', async () => {
    expect(await codeOf(addProfile(vpn, 'acme', openvpn('broken/script-up.ovpn'), WHOLE))).toBe(
      'VPN_OVPN_SCRIPT_REFUSED',
    );
    expect(await readdir(home)).toEqual([]);
    const added = await addProfile(vpn, 'acme', openvpn('good/inline.ovpn'), WHOLE);
    expect(added.plan).toMatchObject({ kind: 'openvpn', assigned: true });
    expect((await loadProfile(vpn, 'acme')).plan).toEqual(added.plan);
  });

  test('a login is kept beside its profile for nobody else to read, and only where a server asks for one', async () => {
    const login = { user: 'alice', password: 'open sesame' };
    const file = openvpn('good/connections.ovpn');
    expect(await codeOf(addProfile(vpn, 'acme', file, WHOLE))).toBe('VPN_OVPN_LOGIN_UNKNOWN');
    const bad = addProfile(vpn, 'acme', file, { ...WHOLE, login: { ...login, password: 'a\nb' } });
    expect(await codeOf(bad)).toBe('VPN_LOGIN_INVALID');
    expect(await codeOf(addProfile(vpn, 'acme', profile('full.conf'), { ...WHOLE, login }))).toBe('VPN_LOGIN_UNUSED');
    const { secrets } = await addProfile(vpn, 'acme', file, { ...WHOLE, login });
    const kept = path.join(vpn, 'acme', 'login.json');
    expect((await stat(kept)).mode & 0o777).toBe(0o600);
    const revealed = (held: typeof secrets) => held.reveal({ address: '198.51.100.10', port: 1_194 }, 1, 1);
    expect(revealed(secrets)).toContain('password "Auth" "open sesame"');
    expect(revealed((await loadProfile(vpn, 'acme')).secrets)).toBe(revealed(secrets));
    expect(await readFile(path.join(vpn, 'acme', 'meta.json'), 'utf8')).not.toContain('sesame');
    await chmod(kept, 0o644);
    expect(await codeOf(loadProfile(vpn, 'acme'))).toBe('VPN_STORED_EXPOSED');
  });

  test('--kind says it whatever the content looks like', async () => {
    const asked = (file: string, kind: 'wireguard' | 'openvpn') => addProfile(vpn, 'acme', file, { ...WHOLE, kind });
    expect(await codeOf(asked(openvpn('good/inline.ovpn'), 'wireguard'))).toBe('VPN_LINE_GARBLED');
    expect(await codeOf(asked(profile('full.conf'), 'openvpn'))).toBe('VPN_OVPN_OPTION_UNKNOWN');
    expect((await asked(profile('full.conf'), 'wireguard')).plan.kind).toBe('wireguard');
  });

  test('words of two kinds in one file are refused', async () => {
    const both = path.join(home, 'both.conf');
    await writeFile(both, `remote vpn.acme.example 1194\n${await readFile(profile('full.conf'), 'utf8')}`);
    expect(await codeOf(addProfile(vpn, 'acme', both, WHOLE))).toBe('VPN_KIND_UNCLEAR');
  });

  test('files that a profile names are read from beside it, never through a link', async () => {
    const file = path.join(home, 'files.ovpn');
    await writeFile(
      file,
      (await readFile(openvpn('good/files.ovpn'), 'utf8')).replace('198.51.100.10 443 tcp-client', 'vpn.acme.example'),
    );
    for (const name of ['client.crt', 'client.key', 'static.key']) {
      await writeFile(path.join(home, name), await readFile(openvpn(`certs/${name}`)));
    }
    await symlink(openvpn('certs/test-ca.crt'), path.join(home, 'test-ca.crt'));
    expect(await codeOf(addProfile(vpn, 'acme', file, WHOLE))).toBe('VPN_OVPN_FILE_REFUSED');
    await rm(path.join(home, 'test-ca.crt'));
    await writeFile(path.join(home, 'test-ca.crt'), await readFile(openvpn('certs/test-ca.crt')));
    const { plan } = await addProfile(vpn, 'acme', file, WHOLE);
    // What stood beside it is kept: the folder it came from may be gone by the next `up`.
    await rm(path.join(home, 'client.key'));
    expect((await loadProfile(vpn, 'acme')).plan).toEqual(plan);
  });
});
