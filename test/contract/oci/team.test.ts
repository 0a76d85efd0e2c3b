/**
 * A team at work, as its members type it, against the real docker-registry.
 *
 * @leakCase 51 none: a template that was changed, brought back, moved to another tag, or signed by somebody else is refused
 *   before anything is written
 */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, jest, test } from '@jest/globals';
import { loadConfig } from '../../../src/config/index.ts';
import { fetchPinned, fetchTemplate, parseReference } from '../../../src/oci/index.ts';
import { describeUnless, missing, testUnless } from '../../obstacle.ts';
import { Laptop, PROFILE, type Typed } from '../../unit/cli/command-line.ts';
import type { DockerRegistry } from './docker-registry.ts';
import { teamForEach } from './team-for-each.ts';

jest.setTimeout(180_000);

const GATE = (more = '') =>
  `version: 1\nkind: gate\nname: dev\nverify: {every: 20s}\nwork: {web: {image: {builtin: tiny}, onLoss: pause}}\n${more}`;

describeUnless(missing('docker-registry', 'ssh-keygen', 'diff', 'git'), 'docker-registry')('a team', () => {
  let registry: DockerRegistry;
  let lead: Laptop;
  let member: Laptop;
  teamForEach((team) => {
    ({ registry, lead, member } = team);
  });

  const reference = (tag = '3') => `${registry.host}/team/dev:${tag}`;
  const config = () => loadConfig(member.project, member.home).config;

  /** @returns the line for the team's chat, without `vmgate`. */
  async function push(text: string, { tag = '3', key = 'key', more = {} as Record<string, string> } = {}) {
    rmSync(path.join(lead.project, 'dev'), { recursive: true, force: true });
    mkdirSync(path.join(lead.project, 'dev'));
    lead.write('dev/template.yaml', text);
    for (const [name, content] of Object.entries(more)) lead.write(`dev/${name}`, content);
    const pushed = await lead.type('template', 'push', reference(tag), 'dev', '--sign', key);
    expect({ exit: pushed.exit, stderr: pushed.stderr }).toMatchObject({ exit: 0 });
    const [, line = ''] = /^ {2}vmgate (init .*)$/m.exec(pushed.stdout) ?? [];
    return line.split(' ');
  }
  const refused = (typed: Typed, code: string, exit = 6) =>
    expect({ exit: typed.exit, stderr: typed.stderr }).toEqual({
      exit,
      stderr: expect.stringContaining(`error ${code}:`),
    });

  test('init REF: shown whole, written down, and the configuration it comes to; a second time nothing changes', async () => {
    const line = await push(GATE(), { more: { 'setup.sh': '#!/bin/sh\necho \u001b]0;hi\u0007 hello\n' } });
    refused(await member.type('init', reference()), 'TRUST_SIGNER_NOT_ALLOWED');
    expect(readdirSync(member.project)).toEqual([]);

    const first = await member.type(...line);
    expect({ exit: first.exit, stderr: first.stderr }).toMatchObject({ exit: 0 });
    expect(first.stderr).toContain('echo \\x1b]0;hi\\x07 hello');
    expect(first.stderr).toContain('verify: {every: 20s}');
    expect(first.stdout).toContain(`vmgate vpn request ${reference()}`);
    expect(readdirSync(member.project).sort()).toEqual([
      'vmgate.local.yaml',
      'vmgate.lock',
      'vmgate.trust',
      'vmgate.yaml',
    ]);
    expect(member.read('vmgate.yaml')).toContain(`template: ${reference()}\n`);
    expect(member.read('vmgate.local.yaml')).toContain('vpn: dev\n');
    expect(config()).toMatchObject({
      vpn: ['dev'],
      verify: { everyMs: 20_000 },
      work: [{ name: 'web', source: { kind: 'template', template: 'tiny' }, onLoss: 'pause' }],
    });

    const files = () => readdirSync(member.project).map((name) => [name, member.read(name)]);
    member.write('vmgate.yaml', `${member.read('vmgate.yaml')}# mine\nwork: {web: {cpus: 2}}\n`);
    refused(await member.type('init', reference()), 'TRUST_PROJECT_UNCONFIRMED');
    expect((await member.type('trust')).exit).toBe(0);
    const before = files();
    const again = await member.type('init', reference(), '--json');
    expect(again.json().at(-1)).toMatchObject({ created: false, templates: [{ cached: true }], signersAdded: [] });
    expect(files()).toEqual(before);
    expect(config().work).toMatchObject([{ name: 'web', cpus: 2, onLoss: 'pause' }]);
  });

  test('without a network: everything from the store; with the store gone, an error that says what is missing', async () => {
    await member.type(...(await push(GATE())));
    await registry.stop();
    rmSync(path.join(member.home, 'templates/layers'), { recursive: true });
    expect((await member.type('trust')).exit).toBe(0);
    expect((await member.type('init', reference())).exit).toBe(0);
    rmSync(path.join(member.home, 'templates'), { recursive: true });
    refused(await member.type('trust'), 'REGISTRY_NOT_HERE');
    expect(existsSync(path.join(member.home, 'templates/layers'))).toBe(false);
  });

  test('vmgate.yaml can tighten what its template says, and not loosen it', async () => {
    await member.type(...(await push(GATE())));
    const yaml = member.read('vmgate.yaml');
    for (const [more, key] of [
      ['verify: {every: 30s}\n', 'verify.every'],
      ['work: {web: {onLoss: block}}\n', 'work.web.onLoss'],
    ] as const) {
      member.write('vmgate.yaml', yaml + more);
      const typed = await member.type('trust');
      refused(typed, 'CONFIG_LOOSENS', 2);
      expect(typed.stderr).toContain(`take ${key} out of vmgate.yaml`);
    }
    member.write(
      'vmgate.yaml',
      `${yaml}verify: {every: 10s, maxAge: 5m}\nwork: {web: {onLoss: stop}, mine: {template: tiny}}\n`,
    );
    expect((await member.type('trust')).exit).toBe(0);
    expect(config()).toMatchObject({
      verify: { everyMs: 10_000, maxAgeMs: 300_000 },
      work: [
        { name: 'web', onLoss: 'stop' },
        { name: 'mine', onLoss: 'block' },
      ],
    });
  });

  test('what a template asks for: by --set, or it is said; an answer to nothing is an error', async () => {
    const asks =
      'version: 1\nkind: work\nname: win\nparameters: {disk: {type: path, about: the disk}, memory: {type: size, about: how much, default: 1GiB}}\n';
    const line = await push(`${asks}vm: {image: {disk: {parameter: disk}}, memory: {parameter: memory}}\n`);
    refused(await member.type(...line), 'TEMPLATE_VALUE_MISSING', 2);
    expect(readdirSync(member.project)).toEqual([]);
    refused(await member.type(...line, '--set', 'dsk=x.qcow2'), 'TEMPLATE_VALUE_INVALID', 2);
    const typed = await member.type(...line, '--set', 'disk=x.qcow2');
    expect({ exit: typed.exit, stderr: typed.stderr }).toMatchObject({ exit: 0 });
    expect(config().work).toMatchObject([
      { name: 'win', source: { disk: path.join(member.project, 'x.qcow2') }, memoryMiB: 1_024 },
    ]);
    member.write('vmgate.local.yaml', `${member.read('vmgate.local.yaml')}  memory: 2GiB\n`);
    expect((await member.type('trust')).exit).toBe(0);
    expect(config().work).toMatchObject([{ memoryMiB: 2_048 }]);
  });

  test('the profile is the one that the template asks for', async () => {
    await member.type('vpn', 'add', 'mine', PROFILE);
    const line = await push(GATE('vpn: {kind: wireguard, endpoint: "vpn.other.example:51820"}\n'));
    refused(await member.type(...line, '--vpn', 'mine'), 'TEMPLATE_VPN_MISMATCH', 2);
    expect(readdirSync(member.project)).toEqual([]);
    // Not asked for, it is not taken either: there is none that fits.
    const typed = await member.type(...line, '--json');
    expect(typed.json().at(-1)).toMatchObject({ vpn: ['dev'], hasProfile: false });
  });

  test('a template of the registry extends another one of it, by digest', async () => {
    const [, base = ''] = await push(GATE(), { tag: 'base' });
    const [name = '', digest = ''] = base.split('@');
    const extending = (pin: string) =>
      `version: 1\nkind: gate\nname: more\nextends: {template: "${name}", digest: "${pin}"}\nwork: {web: {onLoss: stop}}\n`;
    mkdirSync(path.join(lead.project, 'wrong'));
    lead.write('wrong/template.yaml', extending(`sha256:${'0'.repeat(64)}`));
    refused(await lead.type('template', 'push', reference('x'), 'wrong'), 'REGISTRY_NOT_FOUND');
    await member.type(...(await push(extending(digest))));
    await registry.stop();
    rmSync(path.join(member.home, 'templates/layers'), { recursive: true });
    expect((await member.type('trust')).exit).toBe(0);
    expect(config()).toMatchObject({ verify: { everyMs: 20_000 }, work: [{ name: 'web', onLoss: 'stop' }] });
  });

  test('push judges: what nobody could use, or holds a secret, is not sent', async () => {
    mkdirSync(path.join(lead.project, 'bad'));
    lead.write('bad/template.yaml', 'version: 1\nkind: gate\nname: dev\nwrok: {}\n');
    refused(await lead.type('template', 'push', reference(), 'bad'), 'TEMPLATE_INVALID');
    lead.write('bad/template.yaml', GATE());
    lead.write('bad/key', readFileSync(path.join(lead.project, 'key'), 'utf8'));
    refused(await lead.type('template', 'push', reference(), 'bad'), 'TEMPLATE_SECRET');
    expect(await (await fetch(`http://${registry.host}/v2/_catalog`)).json()).toEqual({ repositories: [] });
  });

  test('another version: verify tells, diff shows, update takes it, with its scripts; CI and --locked do not', async () => {
    await member.type(...(await push(GATE(), { more: { 'setup.sh': 'echo one\n' } })));
    expect((await member.type('template', 'verify', '--json')).json().at(-1)).toMatchObject({
      templates: [{ reference: reference(), state: 'current' }],
    });
    await push(GATE().replace('20s', '10s'), { more: { 'setup.sh': 'echo two\n' } });
    const moved = await member.type('template', 'verify', '--json');
    expect(moved.json().at(-1)).toMatchObject({ templates: [{ state: 'moved on' }] });
    refused(await member.type('template', 'verify', '--locked'), 'REGISTRY_LOCK_DRIFT');
    refused(await member.typeWith({ isCi: true }, 'template', 'verify'), 'REGISTRY_LOCK_DRIFT');
    const shown = await member.type('template', 'diff', reference());
    expect(shown.stdout).toMatch(/--- locked\/setup\.sh\n\+\+\+ new\/setup\.sh\n@@ -1 \+1 @@\n-echo one\n\+echo two/);
    expect(shown.stdout).toContain('+verify: {every: 10s}');

    const lock = member.read('vmgate.lock');
    refused(await member.type('template', 'update', '--locked', '--yes'), 'REGISTRY_LOCK_DRIFT');
    refused(await member.typeWith({ isCi: true }, 'template', 'update', '--yes'), 'REGISTRY_LOCK_DRIFT');
    refused(await member.type('template', 'update'), 'CLI_ANSWER_NEEDED', 2);
    expect((await member.type('init', reference())).exit).toBe(0);
    expect((await member.typeWith({ isCi: true }, 'template', 'pull', reference())).exit).toBe(0);
    expect(member.read('vmgate.lock')).toBe(lock);
    expect(config().verify.everyMs).toBe(20_000);

    const updated = await member.type('template', 'update', '--yes');
    expect({ exit: updated.exit, stderr: updated.stderr }).toMatchObject({
      exit: 0,
      stderr: expect.stringContaining('+echo two'),
    });
    expect(config().verify.everyMs).toBe(10_000);
    expect((await member.type('template', 'update')).stdout).toContain('every tag names the locked version');
    // Confirmed like everything that vmgate wrote itself.
    expect((await member.type('trust')).stdout).toContain('confirmed already');
  });

  test('an update that this vmgate.yaml cannot be read with changes nothing', async () => {
    await member.type(...(await push(GATE())));
    member.write('vmgate.yaml', `${member.read('vmgate.yaml')}verify: {every: 15s}\n`);
    await member.type('trust');
    const lock = member.read('vmgate.lock');
    await push(GATE().replace('20s', '10s'));
    refused(await member.type('template', 'update', '--yes'), 'CONFIG_LOOSENS', 2);
    expect(member.read('vmgate.lock')).toBe(lock);
    expect((await member.type('trust')).stdout).toContain('confirmed already');
  });

  test('case 51: a version by somebody else, one without a signature, one with a bad one, an older one: each its own error', async () => {
    const line = await push(GATE());
    await member.type(...line);
    const lock = member.read('vmgate.lock');
    const same = () => expect(member.read('vmgate.lock')).toBe(lock);

    await push(GATE().replace('20s', '10s'), { key: 'other' });
    refused(await member.type('template', 'verify'), 'TRUST_SIGNER_NOT_ALLOWED');
    refused(await member.type('template', 'update', '--yes'), 'TRUST_SIGNER_NOT_ALLOWED');
    same();

    lead.write('dev/template.yaml', GATE().replace('20s', '11s'));
    await lead.type('template', 'push', reference(), 'dev');
    refused(await member.type('template', 'verify'), 'TRUST_TEMPLATE_UNSIGNED');
    same();

    // Somebody with the right to write puts the old version's signature beside the new one.
    await moveSignature(line[1] ?? '');
    refused(await member.type('template', 'verify'), 'TRUST_TEMPLATE_SIGNATURE_BAD');
    same();

    // The old version, rightly signed, under its own tag again, for somebody who has a newer one.
    await push(GATE().replace('20s', '12s'));
    expect((await member.type('template', 'update', '--yes')).exit).toBe(0);
    await retag((line[1] ?? '').split('@')[1] ?? '', '3');
    refused(await member.type('template', 'verify'), 'TRUST_TEMPLATE_DOWNGRADE');
    // Under a tag it was not made for.
    await retag((line[1] ?? '').split('@')[1] ?? '', '4');
    refused(await member.type('template', 'pull', reference('4')), 'TRUST_OTHER_PLACE');
    // What is locked is used as before.
    expect((await member.type('init', reference())).exit).toBe(0);
  });

  test('case 51: anti-test: without lock and signers, each of these is there and would be taken', async () => {
    const [, old = '', , leads = ''] = await push(GATE());
    const oldDigest = old.split('@')[1] ?? '';
    const options = { store: path.join(member.folder, 'store'), dockerConfig: '/nonexistent/config.json' };
    const [, , , others = ''] = await push(GATE().replace('20s', '10s'), { key: 'other' });
    const taken = async (expected: string) =>
      (await fetchTemplate(reference(), { signers: [], expected }, options)).digest;
    expect(await taken(others)).not.toBe(oldDigest);

    lead.write('dev/template.yaml', GATE().replace('20s', '11s'));
    const [unsigned] = (await lead.type('template', 'push', reference(), 'dev', '--json')).json().slice(-1);
    const pinned = { ...parseReference(reference()), digest: String(unsigned?.['digest']) };
    expect(await fetchPinned(pinned, options)).toHaveLength(1);

    await retag(oldDigest, '3');
    expect(await taken(leads)).toBe(oldDigest);
  });

  const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
  const url = (name: string) => `http://${registry.host}/v2/team/dev/manifests/${name}`;
  const manifest = async (name: string, type = MANIFEST) =>
    (await fetch(url(name), { headers: { accept: type } })).text();
  const put = async (name: string, body: string, type = MANIFEST) => {
    const answer = await fetch(url(name), { method: 'PUT', headers: { 'content-type': type }, body });
    expect(answer.status).toBe(201);
    return answer.headers.get('docker-content-digest') ?? '';
  };
  const retag = async (digest: string, tag: string) => put(tag, await manifest(digest));

  /** The signature of another version, listed for the one that the tag names now. */
  async function moveSignature(from: string): Promise<void> {
    const INDEX = 'application/vnd.oci.image.index.v1+json';
    const digest = from.split('@')[1] ?? '';
    const answer = await fetch(url('3'), { headers: { accept: MANIFEST } });
    const now = answer.headers.get('docker-content-digest') ?? '';
    const size = (await answer.text()).length;
    const [listed] = (
      JSON.parse(await manifest(digest.replace(':', '-'), INDEX)) as { manifests: { digest: string }[] }
    ).manifests;
    const signature = JSON.parse(await manifest(listed?.digest ?? '')) as Record<string, unknown>;
    const moved = JSON.stringify({ ...signature, subject: { mediaType: MANIFEST, digest: now, size } });
    const movedDigest = await put('moved', moved);
    const entry = { ...listed, digest: movedDigest, size: moved.length };
    await put(now.replace(':', '-'), JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: [entry] }), INDEX);
  }

  test('a lock that was edited by hand is refused, whatever was edited', async () => {
    await member.type(...(await push(GATE())));
    const lock = JSON.parse(member.read('vmgate.lock')) as { templates: Record<string, Record<string, string>> };
    const edited = (change: Record<string, string>) =>
      JSON.stringify({ ...lock, templates: { [reference()]: { ...lock.templates[reference()], ...change } } });
    for (const [change, code, exit] of [
      [{ digest: `sha256:${'0'.repeat(64)}` }, 'REGISTRY_NOT_HERE', 6],
      [{ digest: 'md5:0' }, 'REGISTRY_LOCK_DAMAGED', 2],
      [{ created: '2020-01-01T00:00:00.000Z' }, 'REGISTRY_LOCK_FALSE', 6],
      [{ signer: `SHA256:${'A'.repeat(43)}` }, 'REGISTRY_LOCK_FALSE', 6],
      [{ more: 'x' }, 'REGISTRY_LOCK_DAMAGED', 2],
    ] as const) {
      member.write('vmgate.lock', edited(change));
      // Not confirmed, and not to be confirmed either.
      refused(await member.type('trust'), code, exit);
      refused(await member.type('up'), code, exit);
    }
    member.write('vmgate.lock', JSON.stringify(lock));
    refused(await member.type('up'), 'TRUST_PROJECT_UNCONFIRMED');
    rmSync(path.join(member.project, 'vmgate.lock'));
    refused(await member.type('up'), 'REGISTRY_LOCK_DRIFT');
  });

  test('what changed in the store, or whose word counts no longer, is noticed by up', async () => {
    const line = await push(GATE());
    await member.type(...line);
    await member.type('vpn', 'add', 'dev', PROFILE);
    const blobs = path.join(member.home, 'templates/blobs/sha256');
    const [file = ''] = readdirSync(blobs).filter((name) =>
      readFileSync(path.join(blobs, name), 'utf8').includes('20s'),
    );
    const content = readFileSync(path.join(blobs, file));
    writeFileSync(path.join(blobs, file), content.toString().replace('20s', '29s'));
    refused(await member.type('up'), 'REGISTRY_NOT_HERE');
    writeFileSync(path.join(blobs, file), content);
    member.write('vmgate.trust', '');
    rmSync(path.join(member.project, 'vmgate.trust'));
    refused(await member.type('up'), 'TRUST_SIGNER_NOT_ALLOWED');
  });

  test('vpn request: the key is made here, the rest is the template’s, and one public line is for the lead', async () => {
    const PEER = 'Ib+lyX2LkjBHMp7sSrer9ecIZwrcvMcBaxBgWOOhTWA=';
    const vpn = `vpn: {kind: wireguard, endpoint: "vpn.acme.example:51820", peer: "${PEER}", dns: [10.20.0.53], split: true`;
    const line = await push(GATE(`${vpn}, allowedIps: [10.20.0.0/16]}\n`));
    await member.type(...line);
    const asked = await member.type('vpn', 'request', reference(), '--json');
    const [{ publicKey = '', ...request } = {}] = asked.json();
    expect(request).toEqual({ name: 'dev', address: null, line: `peer ${publicKey}`, added: false });
    await registry.stop();
    refused(await member.type('vpn', 'request', reference(), '--address', 'nonsense'), 'VPN_VALUE_INVALID', 2);
    const done = await member.type('vpn', 'request', reference(), '--address', '10.20.0.7/32');
    expect(done.stdout).toContain(`  peer ${String(publicKey)} allowed-ips 10.20.0.7/32\n`);
    const [shown] = (await member.type('vpn', 'show', 'dev', '--json')).json();
    expect(shown).toMatchObject({
      publicKey,
      plan: {
        endpoint: { host: 'vpn.acme.example', port: 51_820 },
        peerIdentity: PEER,
        addresses: ['10.20.0.7/32'],
        routes: ['10.20.0.0/16'],
        resolvers: ['10.20.0.53'],
        split: true,
      },
    });
    const privateKey = /PrivateKey = (.*)/.exec(
      readFileSync(path.join(member.home, 'vpn/dev/profile.conf'), 'utf8'),
    )?.[1];
    expect(privateKey).toMatch(/^[A-Za-z0-9+/]{43}=$/);
    for (const { stdout, stderr } of [asked, done]) expect(stdout + stderr).not.toContain(privateKey);
    expect(readdirSync(path.join(member.home, 'vpn/.requests'))).toEqual([]);
    const again = await member.type('init', reference(), '--json');
    expect(again.json().at(-1)).toMatchObject({ hasProfile: true, vpn: ['dev'] });
    refused(await member.type('vpn', 'request', reference()), 'VPN_NAME_TAKEN', 2);
  });

  test('a template that does not say who the server is makes no profile', async () => {
    const line = await push(GATE('vpn: {kind: wireguard, endpoint: "vpn.acme.example:51820"}\n'));
    const typed = await member.type('vpn', 'request', ...line.slice(1));
    refused(typed, 'TEMPLATE_VPN_UNSAID');
    expect(typed.stderr).toContain('vpn.peer');
  });

  describe('without a registry', () => {
    test.each(['a folder', 'a git repository'])(
      'by %s: the same digest, the same lock, the same signature',
      async (way) => {
        const [, base = ''] = await push(GATE(), { tag: 'base' });
        const [name = '', digest = ''] = base.split('@');
        const pinned = `extends: {template: "${name}", digest: "${digest}"}`;
        const line = await push(`version: 1\nkind: gate\nname: more\n${pinned}\nwork: {web: {onLoss: stop}}\n`);
        await member.type(...line);
        const exported = await member.type('template', 'export', reference(), 'stick/dev');
        expect({ exit: exported.exit, stderr: exported.stderr }).toMatchObject({ exit: 0 });
        const stick = path.join(member.project, 'stick');
        await registry.stop();

        const other = new Laptop();
        try {
          const from = way === 'a folder' ? path.join(stick, 'dev') : `git+${committed(stick)}#main:dev`;
          refused(await other.type('template', 'import', from), 'TRUST_SIGNER_NOT_ALLOWED');
          expect(readdirSync(other.project)).toEqual([]);
          const taken = await other.type('template', 'import', from, ...line.slice(2));
          expect({ exit: taken.exit, stderr: taken.stderr }).toMatchObject({ exit: 0 });
          expect(other.read('vmgate.lock')).toBe(member.read('vmgate.lock'));
          const done = await other.type('init', reference());
          expect({ exit: done.exit, stderr: done.stderr }).toMatchObject({ exit: 0 });
          expect(loadConfig(other.project, other.home).digest).toBe(loadConfig(member.project, member.home).digest);
        } finally {
          other.clear();
        }
      },
    );

    function committed(folder: string): string {
      const git = (...argv: string[]) =>
        execFileSync('git', ['-c', 'user.name=ann', '-c', 'user.email=ann@example.com', ...argv], { cwd: folder });
      git('init', '-q', '-b', 'main');
      git('add', '.');
      git('commit', '-qm', 'templates');
      return `file://${folder}`;
    }

    const withSkopeo = testUnless(missing('skopeo'), 'skopeo');
    withSkopeo('skopeo reads what was written, and what is in the registry', async () => {
      const line = await push(GATE());
      const [, pushed = ''] = line;
      await member.type(...line);
      await member.type('template', 'export', reference(), 'out');
      const skopeo = (...argv: string[]) => execFileSync('skopeo', argv, { encoding: 'utf8' });
      const raw = skopeo('inspect', '--raw', '--tls-verify=false', `docker://${pushed.replace(/:3@/, '@')}`);
      expect(JSON.parse(raw)).toMatchObject({ artifactType: 'application/vnd.vmgate.template.v1+json' });
      expect(skopeo('inspect', '--raw', `oci:${path.join(member.project, 'out')}:${reference()}`)).toBe(raw);
    });

    test.each([
      ['no layout', (out: string) => rmSync(path.join(out, 'oci-layout')), 'REGISTRY_LAYOUT_INVALID', 2],
      ['no index', (out: string) => rmSync(path.join(out, 'index.json')), 'REGISTRY_LAYOUT_INVALID', 2],
      ['a link', (out: string) => relink(path.join(out, 'index.json')), 'REGISTRY_LAYOUT_INVALID', 2],
      ['a bit', (out: string) => changeBlob(out, '20s', '21s'), 'REGISTRY_DIGEST_MISMATCH', 6],
      ['a byte more', (out: string) => changeBlob(out, '20s', '20s '), 'REGISTRY_LAYOUT_INVALID', 2],
      ['no signature', (out: string) => relist(out, (all) => all.slice(0, 1)), 'TRUST_TEMPLATE_UNSIGNED', 6],
      ['nothing named', (out: string) => relist(out, (all) => all.slice(1)), 'REGISTRY_LAYOUT_INVALID', 2],
    ] as const)('%s: refused, and nothing is written', async (_, change, code, exit) => {
      const line = await push(GATE());
      await member.type(...line);
      await member.type('template', 'export', reference(), 'out');
      change(path.join(member.project, 'out'));
      const other = new Laptop();
      try {
        refused(await other.type('template', 'import', path.join(member.project, 'out'), ...line.slice(2)), code, exit);
        expect(readdirSync(other.project)).toEqual([]);
      } finally {
        other.clear();
      }
    });

    function relink(file: string): void {
      renameSync(file, `${file}.real`);
      symlinkSync(`${file}.real`, file);
    }

    function changeBlob(out: string, from: string, to: string): void {
      const blobs = path.join(out, 'blobs/sha256');
      const file = readdirSync(blobs).find((name) => readFileSync(path.join(blobs, name), 'utf8').includes(from));
      const text = readFileSync(path.join(blobs, file ?? ''), 'utf8');
      writeFileSync(path.join(blobs, file ?? ''), text.replace(from, to));
    }

    function relist(out: string, change: (all: readonly unknown[]) => readonly unknown[]): void {
      const file = path.join(out, 'index.json');
      const index = JSON.parse(readFileSync(file, 'utf8')) as { manifests: unknown[] };
      writeFileSync(file, JSON.stringify({ ...index, manifests: change(index.manifests) }));
    }
  });
});
