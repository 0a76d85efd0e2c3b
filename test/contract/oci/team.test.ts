/** A team at work, as its members type it, against the real docker-registry. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { loadConfig } from '../../../src/config/index.ts';
import { describeUnless, missing } from '../../obstacle.ts';
import { Laptop, PROFILE, type Typed } from '../../unit/cli/command-line.ts';
import { type DockerRegistry, startDockerRegistry } from './docker-registry.ts';

jest.setTimeout(180_000);

const GATE = (more = '') =>
  `version: 1\nkind: gate\nname: dev\nverify: {every: 20s}\nwork: {web: {image: {builtin: tiny}, onLoss: pause}}\n${more}`;

describeUnless(missing('docker-registry', 'ssh-keygen', 'diff'), 'docker-registry')('a team', () => {
  let registry: DockerRegistry;
  let lead: Laptop;
  let member: Laptop;
  beforeEach(async () => {
    [lead, member] = [new Laptop(), new Laptop()];
    registry = await startDockerRegistry();
    for (const name of ['key', 'other'])
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path.join(lead.project, name)]);
  });
  afterEach(async () => {
    await registry.stop();
    lead.clear();
    member.clear();
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
      vpn: 'dev',
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
    expect(typed.json().at(-1)).toMatchObject({ vpn: 'dev', hasProfile: false });
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
});
