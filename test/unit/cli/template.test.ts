import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { loadConfig } from '../../../src/config/index.ts';
import { Laptop, PROFILE } from './command-line.ts';

let laptop: Laptop;
beforeEach(() => {
  laptop = new Laptop();
});
afterEach(() => laptop.clear());

const PEER = 'Ib+lyX2LkjBHMp7sSrer9ecIZwrcvMcBaxBgWOOhTWA=';
const GATE = (more: string) => `version: 1\nkind: gate\nname: dev\n${more}`;
const WORK = (name: string, more = '') =>
  `version: 1\nkind: work\nname: ${name}\nvm: {image: {builtin: tiny}}\n${more}`;

function template(folder: string, text: string): string {
  mkdirSync(path.join(laptop.project, folder), { recursive: true });
  laptop.write(`${folder}/template.yaml`, text);
  return `./${folder}`;
}
const config = () => loadConfig(laptop.project, laptop.home).config;
const addVpn = () => laptop.type('vpn', 'add', 'acme', PROFILE);

describe('template', () => {
  test('list names the shipped ones', async () => {
    const { stdout } = await laptop.type('template', 'list');
    expect(stdout.split('\n').map((line) => line.split(' ')[0])).toEqual(
      expect.arrayContaining(['existing-disk', 'gateway', 'tiny']),
    );
  });

  test.each(['gate', 'work'])('new makes one of kind %s that is one, and that init takes', async (kind) => {
    await addVpn();
    expect((await laptop.type('template', 'new', './my-team', '--kind', kind)).exit).toBe(0);
    const [valid] = (await laptop.type('template', 'validate', './my-team', '--json')).json();
    expect(valid).toMatchObject({ valid: true, kind, name: 'my-team', files: 1 });
    expect(await laptop.type('template', 'new', './my-team')).toMatchObject({
      exit: 2,
      stderr: expect.stringMatching(/^error CLI_FILE_EXISTS: .*\n {2}next: .*: vmgate template new FOLDER\n$/),
    });
    expect((await laptop.type('init', './my-team')).exit).toBe(0);
    expect(config().work).toMatchObject([{ name: kind === 'work' ? 'my-team' : 'dev', source: { kind: 'template' } }]);
  });

  test('show says what it asks for, and that a base is under it', async () => {
    const { stdout } = await laptop.type('template', 'show', 'existing-disk');
    expect(stdout).toContain('disk (path): the disk image, qcow2 or raw');
    expect(stdout).toContain('memory (size): how much memory it gets; "2GiB" unless said');
    const [{ digest }] = (await laptop.type('template', 'show', 'tiny', '--json')).json() as [{ digest: string }];
    const pinned = `extends: {template: tiny, digest: "${digest}"}\n`;
    const folder = template('mine', `version: 1\nkind: work\nname: mine\n${pinned}vm: {cpus: 3}\n`);
    const shown = await laptop.type('template', 'show', folder);
    expect(shown.stdout).toContain(`extends tiny, ${digest}`);
    expect(shown.stdout).toMatch(/builtin: tiny\n[\s\S]*cpus: 3/);
  });

  test('validate is exit 6 for a fault of it, with the place', async () => {
    const folder = template('dev', GATE('work: {a: {image: {builtin: tny}}}\n'));
    const { exit, stderr } = await laptop.type('template', 'validate', folder);
    expect({ exit, stderr }).toMatchObject({
      exit: 6,
      stderr: expect.stringContaining('./dev/template.yaml:4:29: builtin must be tiny'),
    });
  });
});

describe('init with a template', () => {
  beforeEach(addVpn);

  test('writes a vmgate.yaml that is confirmed and says where it is from', async () => {
    laptop.write('d.qcow2', '');
    const typed = await laptop.type(
      'init',
      'existing-disk',
      '--work',
      'win',
      '--set',
      'disk=./d.qcow2',
      '--gate',
      'acme',
    );
    expect(typed).toMatchObject({ exit: 0, stdout: expect.stringContaining('vmgate start win') });
    expect(config()).toMatchObject({
      ...{ gate: 'acme', vpn: ['acme'] },
      work: [{ name: 'win', source: { disk: path.join(laptop.project, 'd.qcow2') }, memoryMiB: 2_048, cpus: 2 }],
    });
    expect(laptop.read('vmgate.yaml')).toMatch(/# From existing-disk, sha256:[0-9a-f]{64}\n/);
    expect((await laptop.type('trust', '--json')).json()).toMatchObject([{ already: true }]);
  });

  test('a value that is missing, unknown, or wrong', async () => {
    const init = async (...argv: readonly string[]) => laptop.type('init', 'existing-disk', ...argv);
    expect(await init()).toMatchObject({
      exit: 2,
      stderr: expect.stringMatching(/TEMPLATE_VALUE_MISSING.*disk \(path\): the disk image/),
    });
    expect((await init('--set', 'disc=x')).stderr).toContain('it has: disk, memory, cpus');
    expect((await init('--set', 'disk=x', 'memory=2')).stderr).toContain('memory must be a size in MiB or GiB');
    expect((await init('--set', 'disk=./none')).stderr).toContain('there is no disk image');
    expect((await init('--set', 'disk=./none', '--tiny')).stderr).toContain('the template says what boots');
    expect((await laptop.type('init', '--set', 'a=b')).stderr).toContain('vmgate init TEMPLATE --set');
    expect(existsSync(path.join(laptop.project, 'vmgate.yaml'))).toBe(false);
  });

  test('again: comments and edits stay, what is missing comes, what protects is tightened', async () => {
    const exit = 'exit: {url: "https://ip.example", expect: [203.0.113.0/24]}';
    const folder = template('dev', GATE(`verify: {${exit}}\nwork: {a: {image: {builtin: tiny}, cpus: 2}}\n`));
    expect((await laptop.type('init', folder)).exit).toBe(0);
    const edited = laptop
      .read('vmgate.yaml')
      .replace('cpus: 2', 'cpus: 4 # mine')
      .replace('203.0.113.0/24', '203.0.0.0/16')
      .replace('version: 1', '# a remark\nversion: 1');
    laptop.write('vmgate.yaml', edited);
    expect(await laptop.type('init', folder)).toMatchObject({
      exit: 6,
      stderr: expect.stringContaining('TRUST_PROJECT_UNCONFIRMED'),
    });
    await laptop.type('trust');
    template(
      'dev',
      GATE(
        `verify: {${exit}, every: 10s}\nwork:\n  a: {image: {builtin: tiny}, cpus: 2, memory: 1GiB, onLoss: stop}\n  b: {image: {builtin: tiny}}\n`,
      ),
    );
    const { exit: code, stdout } = await laptop.type('init', folder);
    expect(code).toBe(0);
    for (const line of ['tightened: verify.exit', 'added: verify.every', 'added: work.a.memory', 'added: work.b']) {
      expect(stdout).toContain(`  ${line}\n`);
    }
    const after = laptop.read('vmgate.yaml');
    expect(after).toContain('# a remark\n');
    expect(after).toContain('cpus: 4 # mine');
    expect(config()).toMatchObject({
      verify: { exit: { expect: { prefixes: ['203.0.113.0/24'] } }, everyMs: 10_000 },
      work: [{ name: 'a', cpus: 4, memoryMiB: 1_024, onLoss: 'stop' }, { name: 'b' }],
    });
    expect((await laptop.type('init', folder)).stdout).toContain('it says all of this already');
    expect(laptop.read('vmgate.yaml')).toBe(after);
  });

  test('again: what the file has is not asked for', async () => {
    laptop.write('d.qcow2', '');
    await laptop.type('init', 'existing-disk', '--set', 'disk=./d.qcow2');
    expect((await laptop.type('init', 'existing-disk')).exit).toBe(0);
    expect(await laptop.type('init', 'existing-disk', '--vpn', 'other')).toMatchObject({
      exit: 2,
      stderr: expect.stringContaining('names its VPN'),
    });
  });

  test('again: a file with aliases is left as it is', async () => {
    laptop.write('vmgate.yaml', 'version: 1\nvpn: acme\nwork: {a: &vm {template: tiny}, b: *vm}\n');
    await laptop.type('trust');
    const before = laptop.read('vmgate.yaml');
    const { exit, stderr } = await laptop.type('init', 'tiny');
    expect({ exit, stderr }).toMatchObject({ exit: 2, stderr: expect.stringContaining('uses *vm') });
    expect(laptop.read('vmgate.yaml')).toBe(before);
  });

  test('a field of a JSON answer may be called parameter', async () => {
    const exit = 'exit: {url: "https://ip.example", expect: {json: {parameter: yes-it-is}}}';
    expect((await laptop.type('init', template('dev', GATE(`verify: {${exit}}\n`)))).exit).toBe(0);
    expect(config().verify.exit?.expect).toEqual({ kind: 'json', fields: { parameter: 'yes-it-is' } });
  });

  test('several: one with the gate, one with a VM', async () => {
    expect((await laptop.type('init', 'gateway', 'tiny')).exit).toBe(0);
    expect(config().work.map(({ name }) => name)).toEqual(['tiny']);
  });

  test('two that want different VPNs: both are shown, nothing is written', async () => {
    const one = template('a', WORK('a', 'vpn: {kind: wireguard, endpoint: "vpn.acme.example:51820"}\n'));
    const other = template('b', WORK('b', 'vpn: {kind: wireguard, endpoint: "vpn.bank.example:51820"}\n'));
    const { exit, stderr } = await laptop.type('init', one, other);
    expect(exit).toBe(2);
    for (const shown of ['TEMPLATE_CONFLICT', './a', 'vpn.acme.example', './b', 'vpn.bank.example']) {
      expect(stderr).toContain(shown);
    }
    expect(existsSync(path.join(laptop.project, 'vmgate.yaml'))).toBe(false);
  });

  test.each([
    ['endpoint: "vpn.other.example:51820"', 'its endpoint is vpn.acme.example:51820, not vpn.other.example:51820'],
    [`peer: ${PEER.replace('I', 'J')}`, 'its peer is'],
    ['dns: [10.64.0.9]', 'its dns is 10.64.0.1, not 10.64.0.9'],
    ['split: true', 'its split is false, not true'],
  ])('a profile that is not the one: %s', async (need, what) => {
    const folder = template('dev', GATE(`vpn: {kind: wireguard, ${need}}\n`));
    const { exit, stderr } = await laptop.type('init', folder, '--vpn', 'new', '--vpn-file', PROFILE);
    expect({ exit, stderr }).toMatchObject({ exit: 2, stderr: expect.stringContaining(what) });
    expect(existsSync(path.join(laptop.project, 'vmgate.yaml'))).toBe(false);
    expect((await laptop.type('vpn', 'list')).stdout).not.toMatch(/^new/m);
  });

  test('the profile that is the one', async () => {
    const needs = `endpoint: "vpn.acme.example:51820", peer: ${PEER}, dns: [10.64.0.1, 10.64.0.2], split: false`;
    const folder = template('dev', GATE(`vpn: {kind: wireguard, ${needs}}\n`));
    expect((await laptop.type('init', folder, '--vpn', 'acme')).exit).toBe(0);
  });

  test('for a VPN of another kind: the profile that is the one, one of another kind, and no request', async () => {
    const ovpn = path.join(path.dirname(PROFILE), '../openvpn/good/inline.ovpn');
    expect((await laptop.type('vpn', 'add', 'o', ovpn)).exit).toBe(0);
    const { stdout } = await laptop.type('vpn', 'show', 'o');
    const [peer = ''] = /sha256:[0-9a-f]{64}/.exec(stdout) ?? [];
    const folder = template('dev', GATE(`vpn: {kind: openvpn, peer: "${peer}"}\n`));
    expect(await laptop.type('init', folder, '--vpn', 'acme')).toMatchObject({
      exit: 2,
      stderr: expect.stringContaining('its kind is wireguard, not openvpn'),
    });
    expect(await laptop.type('vpn', 'request', folder)).toMatchObject({
      exit: 2,
      stderr: expect.stringContaining('TEMPLATE_VPN_NO_REQUEST'),
    });
    expect((await laptop.type('init', folder, '--vpn', 'o')).exit).toBe(0);
    expect(config().vpn).toEqual(['o']);
  });

  test('a newer one, and a vmgate.local.yaml that would loosen it', async () => {
    const newer = template('new', GATE('minimumVmgateVersion: 99.0.0\nholograms: 1\n'));
    expect(await laptop.type('init', newer)).toMatchObject({
      exit: 6,
      stderr: expect.stringContaining('needs vmgate 99.0.0 or newer'),
    });
    laptop.write('vmgate.local.yaml', 'verify: {maxAge: 60s}\n');
    const folder = template('dev', GATE('verify: {every: 10s, maxAge: 20s}\n'));
    expect(await laptop.type('init', folder)).toMatchObject({
      exit: 2,
      stderr: expect.stringContaining('CONFIG_LOOSENS'),
    });
  });
});

test('the files of the shipped templates are published', () => {
  const { files } = JSON.parse(readFileSync('package.json', 'utf8')) as { files: readonly string[] };
  expect(files).toContain('vm-templates');
});
