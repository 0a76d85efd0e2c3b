import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { loadConfig } from '../../../src/config/index.ts';
import { CONFIG, Laptop, PROFILE, report, scripted } from './command-line.ts';

const PRIVATE_KEY = '2ApXWtY1yxAxgZzU+tbmdurdondk1SPP69mSzQ+5rG8=';

let laptop: Laptop;
beforeEach(() => {
  laptop = new Laptop();
});
afterEach(() => laptop.clear());

describe('vpn', () => {
  test('add, list, show, remove', async () => {
    const added = await laptop.type('vpn', 'add', 'acme', PROFILE);
    expect(added.exit).toBe(0);
    expect(added.stdout).toContain('vpn: acme');
    expect((await laptop.type('vpn', 'list')).stdout).toMatch(
      /^name.*\nacme {2}vpn\.acme\.example:51820 {2}everything\n$/,
    );
    const shown = await laptop.type('vpn', 'show', 'acme');
    expect(shown.stdout).toContain('and nothing else:');
    expect(shown.stdout).toMatch(/DNS: the address of vpn\.acme\.example .* in clear/);
    for (const { stdout, stderr } of [added, shown, await laptop.type('vpn', 'show', 'acme', '--json')]) {
      expect(stdout + stderr).not.toContain(PRIVATE_KEY);
    }
    expect((await laptop.type('vpn', 'remove', 'acme')).stdout).toBe('removed acme\n');
    expect((await laptop.type('vpn', 'list', '--json')).json()).toEqual([{ profiles: [] }]);
  });

  test.each([
    { what: 'a file that is not there', file: 'missing.conf', code: 'VPN_PROFILE_UNREADABLE' },
    { what: 'a command in it', file: '../../vpn/corpus/hook-postup.conf', code: 'VPN_HOOK_REFUSED', says: /:\d+:\d+/ },
    { what: 'garbage', file: '../../vpn/corpus/garbled-line.conf', code: 'VPN_', says: /:\d+:\d+/ },
  ])('$what: exit 2, nothing kept', async ({ file, code, says = /./ }) => {
    const { exit, stderr } = await laptop.type('vpn', 'add', 'x', path.join(import.meta.dirname, 'golden', file));
    expect(exit).toBe(2);
    expect(stderr).toContain(`error ${code}`);
    expect(stderr).toMatch(says);
    expect((await laptop.type('vpn', 'list', '--json')).json()).toEqual([{ profiles: [] }]);
  });

  test('--dns takes several', async () => {
    const argv = ['vpn', 'add', 'acme', PROFILE, '--dns', '10.64.0.53', '10.64.0.54', '--json'];
    expect((await laptop.type(...argv)).json().at(-1)).toMatchObject({
      plan: { resolvers: ['10.64.0.53', '10.64.0.54'] },
    });
  });
});

describe('init', () => {
  test('with everything said by flags, off a terminal', async () => {
    laptop.write('it.qcow2', '');
    const { exit, stdout } = await laptop.type(
      ...['init', '--vpn-file', PROFILE, '--vpn', 'acme', '--work', 'dev', '--disk', './it.qcow2', '--gate', 'acme'],
      ...['--exit-url', 'https://ip.example.org/', '--exit-expect', '203.0.113.0/24'],
    );
    expect({ exit, stdout }).toMatchObject({ exit: 0, stdout: expect.stringContaining('vmgate start dev') });
    const { config } = loadConfig(laptop.project, laptop.home);
    expect(config).toMatchObject({
      gate: 'acme',
      vpn: ['acme'],
      verify: { exit: { url: 'https://ip.example.org/', expect: { kind: 'address', prefixes: ['203.0.113.0/24'] } } },
      work: [{ name: 'dev', source: { kind: 'disk', disk: path.join(laptop.project, 'it.qcow2') } }],
    });
    expect((await laptop.type('trust', '--json')).json()).toMatchObject([{ already: true }]);
  });

  test.each([
    { argv: ['--disk', 'nosuch.qcow2'], what: 'there is no disk image' },
    { argv: ['--tiny', '--disk', 'it.qcow2'], what: 'either --tiny or --disk' },
    { argv: ['--exit-url', 'nourl'], what: 'url must be an https URL' },
    { argv: ['--work', 'Bad Name'], what: 'the name "Bad Name" must be' },
  ])('$argv is refused in the words of the command line, and nothing is written', async ({ argv, what }) => {
    await laptop.type('vpn', 'add', 'acme', PROFILE);
    const { exit, stderr } = await laptop.type('init', '--vpn', 'acme', ...argv);
    expect({ exit, stderr }).toMatchObject({ exit: 2, stderr: expect.stringContaining(what) });
    expect(stderr).not.toContain('vmgate.yaml');
    expect(existsSync(path.join(laptop.project, 'vmgate.yaml'))).toBe(false);
  });

  test('names the image that has to be built before the first up', async () => {
    expect((await laptop.type('init', '--vpn-file', PROFILE)).stdout).toMatch(
      /next:\n {2}vmgate image build\n {2}vmgate up\n/,
    );
  });

  test('fields of a JSON answer', async () => {
    await laptop.type('vpn', 'add', 'acme', PROFILE);
    const argv = ['--exit-url', 'https://am.example/json', '--exit-json', 'mullvad_exit_ip=true', 'country=Sweden'];
    expect((await laptop.type('init', ...argv)).exit).toBe(0);
    expect(loadConfig(laptop.project, laptop.home).config.verify.exit?.expect).toEqual({
      kind: 'json',
      fields: { mullvad_exit_ip: true, country: 'Sweden' },
    });
  });

  test('asks nothing off a terminal: the one profile there is, or the flag that is missing', async () => {
    const refused = await laptop.type('init');
    expect(refused).toMatchObject({ exit: 2, stderr: expect.stringContaining('CLI_ANSWER_NEEDED') });
    expect(refused.stderr).toContain('--vpn-file FILE');
    await laptop.type('vpn', 'add', 'home', PROFILE);
    expect((await laptop.type('init')).exit).toBe(0);
    expect(laptop.read('vmgate.yaml')).toContain('vpn: home');
  });

  test('does not overwrite; --force does', async () => {
    laptop.write('vmgate.yaml', CONFIG);
    await laptop.type('vpn', 'add', 'acme', PROFILE);
    expect(await laptop.type('init')).toMatchObject({
      exit: 2,
      stderr: expect.stringMatching(/^error CLI_FILE_EXISTS: .*\n {2}next: .*: vmgate init --force\n$/),
    });
    expect(laptop.read('vmgate.yaml')).toBe(CONFIG);
    expect((await laptop.type('init', '--force')).exit).toBe(0);
    expect(laptop.read('vmgate.yaml')).not.toBe(CONFIG);
  });

  test.each([
    { argv: ['--vpn', 'nobody'], code: 'VPN_UNKNOWN' },
    { argv: ['--vpn-file', 'missing.conf'], code: 'VPN_PROFILE_UNREADABLE' },
    { argv: ['--vpn-file', PROFILE, '--gate', 'a: b\nx'], code: 'CLI_USAGE' },
    { argv: ['--vpn-file', PROFILE, '--exit-url', 'ftp://x'], code: 'CLI_USAGE' },
    { argv: ['--vpn-file', PROFILE, '--exit-expect', '1.2.3.4'], code: 'CLI_USAGE' },
  ])('refused with $code: nothing half-done', async ({ argv, code }) => {
    const { exit, stderr } = await laptop.type('init', ...argv);
    expect(exit).toBe(2);
    expect(stderr).toContain(`error ${code}`);
    expect(existsSync(path.join(laptop.project, 'vmgate.yaml'))).toBe(false);
    laptop.write('vmgate.yaml', CONFIG);
    await laptop.type('init', '--force', ...argv);
    expect(laptop.read('vmgate.yaml')).toBe(CONFIG);
    expect((await laptop.type('vpn', 'list', '--json')).json()).toEqual([{ profiles: [] }]);
  });

  describe('--learn-exit', () => {
    const judged = (check: string, outcome: 'verified' | 'refuted', evidence: readonly string[] = []) => ({
      check,
      outcome,
      summary: '',
      evidence: [...evidence],
      remedy: '',
      trust: { gatewayCouldFake: '', hostWitness: '' },
      durationMs: 1,
    });
    const seen = judged('exit', 'refuted', ['asked https://ip.example.org/', 'status 200', 'answer: 203.0.113.9']);

    beforeEach(async () => {
      await laptop.type('init', '--vpn-file', PROFILE, '--exit-url', 'https://ip.example.org/');
    });

    test('writes what was seen when everything else was verified, and says yes', async () => {
      expect(laptop.read('vmgate.yaml')).toContain('192.0.2.0/24');
      const closed = report({ phase: 'closed', claim: null, verdicts: [judged('tunnel', 'verified'), seen] });
      await laptop.supervise(scripted(closed));
      const unsaid = await laptop.type('init', '--learn-exit');
      expect(unsaid).toMatchObject({ exit: 2, stderr: expect.stringContaining('CLI_ANSWER_NEEDED') });
      expect((await laptop.type('init', '--learn-exit', '--yes')).exit).toBe(0);
      expect(loadConfig(laptop.project, laptop.home).config.verify.exit?.expect).toEqual({
        kind: 'address',
        prefixes: ['203.0.113.9'],
      });
      expect(laptop.read('vmgate.yaml')).toContain('# A profile of');
      expect(laptop.read('vmgate.yaml')).not.toContain("nobody's");
      expect((await laptop.type('trust', '--json')).json()).toMatchObject([{ already: true }]);
    });

    test('not while another check is refuted: then nobody knows who answered', async () => {
      const verdicts = [judged('routes', 'refuted'), seen];
      await laptop.supervise(scripted(report({ phase: 'closed', claim: null, verdicts })));
      const { exit, stderr } = await laptop.type('init', '--learn-exit', '--yes');
      expect({ exit, stderr }).toEqual({ exit: 4, stderr: expect.stringContaining('CLI_EXIT_NOT_SEEN') });
      expect(laptop.read('vmgate.yaml')).toContain('192.0.2.0/24');
    });
  });
});

describe('trust', () => {
  test('a vmgate.trust that is a pipe or a device is refused, not waited for', async () => {
    const file = path.join(laptop.project, 'vmgate.trust');
    for (const put of [() => execFileSync('mkfifo', [file]), () => symlinkSync('/dev/zero', file)]) {
      rmSync(file, { force: true });
      put();
      const { exit, stderr } = await laptop.type('trust');
      expect(exit).toBe(2);
      expect(stderr).toContain('vmgate.trust cannot be read: it is not a regular file');
    }
  });

  test('shows what it confirms; a change needs it again; --revoke takes it back', async () => {
    laptop.write('vmgate.yaml', CONFIG);
    laptop.write('vmgate.local.yaml', 'vpn: mine\n');
    const { stdout } = await laptop.type('trust');
    expect(stdout).toMatch(/vmgate\.yaml\n {2}sha256:[0-9a-f]{64}\n.*vmgate\.local\.yaml\n {2}sha256:[0-9a-f]{64}\n/);
    expect(stdout).toContain('VPN mine, work VMs: web, bank');
    expect((await laptop.type('trust', '--json')).json()).toMatchObject([{ already: true }]);
    laptop.write('vmgate.local.yaml', 'vpn: theirs\n');
    expect(await laptop.type('up')).toMatchObject({ exit: 6, stderr: expect.stringContaining('changed since') });
    await laptop.type('trust');
    await laptop.type('trust', '--revoke');
    expect((await laptop.type('up')).exit).toBe(6);
  });
});

describe('printing', () => {
  test('schema', async () => {
    const [schema] = (await laptop.type('schema', '--json')).json();
    expect(schema).toMatchObject({ title: 'vmgate.yaml', type: 'object' });
    expect(JSON.parse((await laptop.type('schema')).stdout)).toEqual(schema);
  });

  test('image list of nothing', async () => {
    expect((await laptop.type('image', 'list')).stdout).toContain('vmgate image build');
    expect((await laptop.type('image', 'list', '--json')).json()).toEqual([{ images: [] }]);
  });

  test('image import and template show of nothing say so in words', async () => {
    expect((await laptop.type('image', 'import', 'no')).stderr).toMatch(
      /^error IMAGE_UNREADABLE: \S+\/p\/no is not an image: there is no such file or folder\n/,
    );
    laptop.write('file', '');
    for (const [named, why] of [
      ['no', 'there is no such folder'],
      ['./file', 'it is no folder'],
    ] as const) {
      expect((await laptop.type('template', 'show', named)).stderr).toMatch(
        new RegExp(`^error TEMPLATE_UNREADABLE: there is no template in \\S+: ${why}\n`),
      );
    }
  });

  test.each([
    ['init --vpn-file no.conf', 'vmgate init --vpn-file FILE'],
    ['init gateway --vpn-file no.conf', 'vmgate init gateway --vpn-file FILE'],
    ['vpn add acme no.conf', 'vmgate vpn add NAME FILE'],
  ])('%s: next is what was typed, with a file that is there', async (typed, next) => {
    const { exit, stderr } = await laptop.type(...typed.split(' '));
    expect(exit).toBe(2);
    expect(stderr).toMatch(/^error VPN_PROFILE_UNREADABLE: .* no such file\n/);
    expect(stderr).toContain(`next: give the path of the file from your provider: ${next}\n`);
  });

  test('image import of what is none', async () => {
    const { exit, stderr } = await laptop.type('image', 'import', laptop.write('x.tar', 'no tar'));
    expect({ exit, stderr }).toEqual({ exit: 2, stderr: expect.stringContaining('IMAGE_UNREADABLE') });
  });

  test('receipts that are not there', async () => {
    laptop.write('vmgate.yaml', CONFIG);
    for (const verb of ['show', 'check']) {
      expect(await laptop.type('receipt', verb)).toMatchObject({
        exit: 4,
        stderr: expect.stringContaining('RECEIPT_MISSING'),
      });
    }
  });

  test.each(['receipt show ./recipt.json', 'receipt check recipt.json', 'evidence --receipt recipt.json'])(
    '%s: a file that is not there is a wrong argument, and says nothing about a gate',
    async (typed) => {
      laptop.write('vmgate.yaml', CONFIG);
      expect(await laptop.type(...typed.split(' '))).toMatchObject({
        exit: 2,
        stderr: expect.stringContaining(`error CLI_USAGE: there is no file ${laptop.project}/recipt.json\n`),
      });
    },
  );

  test.each([
    ['vm rm web', 'whether to forget web and what it wrote must be said'],
    ['vm reset web', 'whether to drop what web wrote must be said'],
  ])('%s without a terminal says what was not said', async (typed, said) => {
    laptop.write('vmgate.yaml', CONFIG.replace('web: {template: tiny}', 'web: {disk: /x.qcow2}'));
    await laptop.type('trust');
    mkdirSync(laptop.layout.gate('default').work('web'), { recursive: true, mode: 0o700 });
    const { exit, stderr } = await laptop.type(...typed.split(' '));
    expect({ exit, stderr }).toMatchObject({
      exit: 2,
      stderr: expect.stringContaining(`error CLI_ANSWER_NEEDED: ${said}`),
    });
    expect(stderr).toContain(`vmgate ${typed} --yes\n`);
  });

  test('console of a VM that does not run', async () => {
    laptop.write('vmgate.yaml', CONFIG);
    const { exit, stderr } = await laptop.type('console', 'web');
    expect({ exit, stderr }).toEqual({ exit: 4, stderr: expect.stringContaining('GATE_WORK_NOT_RUNNING') });
  });
});

describe('bad ground', () => {
  test.each([
    { what: 'writable by others', mode: 0o777, code: 'HOME_UNSAFE', next: 'chmod go-w' },
    { what: 'a file', mode: undefined, code: 'HOME_UNSAFE', next: '' },
  ])('home is $what', async ({ mode, code, next }) => {
    if (mode === undefined) {
      rmSync(laptop.home, { recursive: true });
      writeFileSync(laptop.home, '');
    } else chmodSync(laptop.home, mode);
    laptop.write('vmgate.yaml', CONFIG);
    const { exit, stderr } = await laptop.type('status');
    expect(exit).toBe(2);
    expect(stderr).toContain(`error ${code}`);
    expect(stderr).toContain(next);
  });

  test.each([
    { text: 'version: 1\nvpn: [unclosed\n', says: 'vmgate.yaml:' },
    { text: 'version: 1\nvpn: acme\nwrok: {}\n', says: 'did you mean "work"?' },
  ])('vmgate.yaml is broken: $says', async ({ text, says }) => {
    laptop.write('vmgate.yaml', text);
    for (const argv of [['up'], ['status'], ['start', 'web'], ['trust']]) {
      const { exit, stderr } = await laptop.type(...argv);
      expect(exit).toBe(2);
      expect(stderr).toContain('CONFIG_INVALID');
      expect(stderr).toContain(says);
    }
  });

  test('what a power cut left: a lock of an earlier boot with a living pid, a socket nobody answers', async () => {
    laptop.write('vmgate.yaml', CONFIG);
    await laptop.type('vpn', 'add', 'acme', PROFILE);
    await laptop.type('trust');
    const { lock, socket } = laptop.layout.gate('default');
    mkdirSync(lock, { recursive: true, mode: 0o700 });
    const holder = { pid: process.pid, bootId: 'an earlier boot', start: '1' };
    for (const part of ['claim', 'held']) writeFileSync(path.join(lock, `00ff.${part}`), JSON.stringify(holder));
    const died = createServer().listen(`${socket}.died`);
    await once(died, 'listening');
    renameSync(`${socket}.died`, socket);
    died.close();
    expect(await laptop.type('status')).toMatchObject({ exit: 0, stdout: expect.stringContaining('default is down') });
    expect((await laptop.type('start', 'web')).exit).toBe(4);
    expect(await laptop.type('up')).toMatchObject({ exit: 3, stderr: expect.stringContaining('IMAGE_NOT_FOUND') });
    expect(await laptop.type('down')).toMatchObject({ exit: 0, stdout: 'gate default is down already\n' });
  });

  test('no vmgate.yaml at all', async () => {
    expect(await laptop.type('up')).toMatchObject({ exit: 2, stderr: expect.stringContaining('next: vmgate init') });
  });
});

describe('doctor', () => {
  test('says what is wrong, why, and what to type; exit 3', async () => {
    laptop.write('vmgate.yaml', 'version: 2\n');
    const { exit, stdout } = await laptop.type('doctor');
    expect(exit).toBe(3);
    expect(stdout).toMatch(
      /WRONG image-gateway {1}there is no gateway image\n\s+why: .*\n\s+fix: vmgate image build gateway/,
    );
    expect(stdout).toMatch(/WRONG config/);
    expect(stdout).toMatch(/note {2}vpn/);
    const [object, ...more] = (await laptop.type('doctor', '--json')).json();
    expect(more).toEqual([]);
    expect(object).toMatchObject({ healthy: false });
  });

  test('looks at the machine even where the home folder cannot be used', async () => {
    chmodSync(laptop.home, 0o777);
    const { exit, stdout } = await laptop.type('doctor');
    expect(exit).toBe(3);
    expect(stdout).toContain('chmod go-w');
    expect(stdout).toMatch(/ok {4}node/);
  });

  test('--report holds no names, no folders, no servers', async () => {
    await laptop.type('vpn', 'add', 'secretclient', PROFILE);
    const broken = path.join(laptop.home, 'vpn/secretclient/meta.json');
    expect(statSync(broken).isFile()).toBe(true);
    writeFileSync(broken, '{}');
    laptop.write('vmgate.yaml', CONFIG);
    mkdirSync(laptop.layout.gate('secretgate').folder, { recursive: true });
    const { stdout } = await laptop.type('doctor', '--report');
    expect(stdout).toContain('| vpn | wrong | VPN_STORED_DAMAGED |');
    expect(stdout).toContain('TRUST_PROJECT_UNCONFIRMED');
    for (const secret of ['secretclient', 'secretgate', 'acme.example', laptop.folder])
      expect(stdout).not.toContain(secret);
  });
});
