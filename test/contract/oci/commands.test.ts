/** The commands as a lead and a member of a team type them, against the real docker-registry. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { describeUnless, missing } from '../../obstacle.ts';
import { Laptop } from '../../unit/cli/command-line.ts';
import { type DockerRegistry, startDockerRegistry } from './docker-registry.ts';

jest.setTimeout(180_000);

describeUnless(missing('docker-registry', 'ssh-keygen'), 'docker-registry')('a template on its way', () => {
  const [lead, member] = [new Laptop(), new Laptop()];
  let registry: DockerRegistry;
  beforeAll(async () => {
    registry = await startDockerRegistry();
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path.join(lead.project, 'key')]);
    mkdirSync(path.join(lead.project, 'dev/provision'), { recursive: true });
    lead.write('dev/template.yaml', 'version: 1\nkind: work\nname: dev\nvm: {image: {builtin: tiny}}\n');
    lead.write('dev/provision/setup.sh', '#!/bin/sh\necho hello\n');
  });
  afterAll(async () => {
    await registry.stop();
    lead.clear();
    member.clear();
  });
  const reference = () => `${registry.host}/team/dev:3`;

  test('from the lead’s folder to the member’s, signed; then without a network; then with a trust file that nobody confirmed', async () => {
    const unsigned = await lead.type('template', 'push', reference(), 'dev');
    expect(unsigned).toMatchObject({ exit: 0, stdout: expect.stringContaining('not signed, so nobody can pull it') });
    expect(await member.type('template', 'pull', reference())).toMatchObject({
      exit: 6,
      stderr: expect.stringContaining('TRUST_TEMPLATE_UNSIGNED'),
    });

    const pushed = await lead.type('template', 'push', reference(), 'dev', '--sign', 'key');
    expect({ exit: pushed.exit, stderr: pushed.stderr }).toMatchObject({ exit: 0 });
    expect(pushed.stdout).toContain('is there already, unchanged, signed by SHA256:');
    const [, line = ''] = /^ {2}vmgate init (.*)$/m.exec(pushed.stdout) ?? [];

    // Without a word about the signer there is nobody to ask: exit 6, and the way on.
    expect(await member.type('template', 'pull', reference())).toMatchObject({
      exit: 6,
      stderr: expect.stringMatching(/TRUST_SIGNER_NOT_ALLOWED[\s\S]*--signer SHA256:/),
    });
    expect(readdirSync(member.project)).toEqual([]);

    const first = await member.type('template', 'pull', ...line.split(' '), '--to', 'dev', '--json');
    expect(first.exit).toBe(0);
    expect(first.json().at(-1)).toMatchObject({ signerAdded: true, cached: false });
    expect(member.read('dev/provision/setup.sh')).toBe('#!/bin/sh\necho hello\n');
    expect(readdirSync(member.project).sort()).toEqual(['dev', 'vmgate.lock', 'vmgate.trust']);

    // From now on the line in vmgate.trust says it.
    expect(await member.type('template', 'pull', reference())).toMatchObject({ exit: 0 });

    await registry.stop();
    const [, pinned = ''] = /^(\S+)/.exec(line) ?? [];
    const offline = await member.type('template', 'pull', pinned, '--locked', '--json');
    expect(offline.json().at(-1)).toMatchObject({ cached: true, signerAdded: false });
    expect(await member.type('template', 'pull', reference(), '--locked')).toMatchObject({ exit: 0 });
    expect(await member.type('template', 'pull', `${registry.host}/team/other:1`, '--locked')).toMatchObject({
      exit: 6,
      stderr: expect.stringContaining('REGISTRY_LOCK_DRIFT'),
    });

    // A vmgate.trust that somebody else wrote over counts for nothing until it was read and confirmed.
    writeFileSync(path.join(member.project, 'vmgate.trust'), `# mine\n${member.read('vmgate.trust')}`);
    expect(await member.type('template', 'pull', pinned)).toMatchObject({
      exit: 6,
      stderr: expect.stringContaining('TRUST_PROJECT_UNCONFIRMED'),
    });
    expect(await member.type('trust')).toMatchObject({
      exit: 0,
      stdout: expect.stringContaining(`may sign for ${registry.host}/team/dev`),
    });
    expect(await member.type('template', 'pull', pinned)).toMatchObject({ exit: 0 });
    await member.type('trust', '--revoke');
    expect(await member.type('template', 'pull', pinned)).toMatchObject({ exit: 6 });
  });

  test('what is typed wrong is told before anything is sent', async () => {
    for (const [argv, code] of [
      [['pull', 'team/dev:3'], 'REGISTRY_REFERENCE_INVALID'],
      [['pull', `${registry.host}/team/dev`], 'REGISTRY_REFERENCE_INVALID'],
      [['push', `${registry.host}/team/dev:1`, 'nowhere'], 'TEMPLATE_UNREADABLE'],
    ] as const) {
      const { stderr } = await lead.type('template', ...argv);
      expect(stderr).toContain(code);
    }
    member.write('vmgate.trust', 'nonsense\n');
    expect(await member.type('template', 'pull', reference())).toMatchObject({
      exit: 2,
      stderr: expect.stringContaining('vmgate.trust:1:'),
    });
    expect(readFileSync(path.join(member.project, 'vmgate.lock'), 'utf8')).toContain('"version": 1');
  });
});
