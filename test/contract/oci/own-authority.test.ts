/**
 * A registry whose certificate is by an authority of a company's own: docker-registry on TLS, under a name, and the program
 * as it is published, in a network namespace where that name leads to it.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { packageFile } from '../../../src/host/index.ts';
import { describeUnless, missing } from '../../obstacle.ts';
import { Laptop } from '../../unit/cli/command-line.ts';
import { whyNot } from '../policy/namespaces.ts';
import { CompanyAuthority } from './company-authority.ts';
import { type DockerRegistry, freePort, startDockerRegistry } from './docker-registry.ts';
import { QuietNamespace } from './quiet-namespace.ts';

jest.setTimeout(180_000);

const obstacle = missing('docker-registry', 'ssh-keygen', 'openssl', 'tcpdump', 'ip') ?? whyNot();
const NAME = 'registry.example.com';

describeUnless(obstacle, 'an own authority')('an authority of a company’s own', () => {
  let company: CompanyAuthority;
  let space: QuietNamespace;
  let registry: DockerRegistry;
  let laptop: Laptop;
  let host: string;
  beforeAll(async () => {
    company = new CompanyAuthority();
    space = new QuietNamespace();
    const port = await freePort();
    host = `${NAME}:${port}`;
    const tls = company.issue(NAME);
    registry = await startDockerRegistry('', port, { namespace: space.name, address: space.address, tls });
  });
  afterAll(async () => {
    await registry.stop();
    space.remove();
    company.clear();
  });
  beforeEach(() => {
    laptop = new Laptop();
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path.join(laptop.project, 'key')]);
    mkdirSync(path.join(laptop.project, 'dev'));
    laptop.write('dev/template.yaml', 'version: 1\nkind: work\nname: dev\nvm: {image: {builtin: tiny}}\n');
  });
  afterEach(() => laptop.clear());

  const docker = () => path.join(laptop.folder, '.docker');
  const allow = (name: string, pem = company.certificate) => {
    const folder = path.join(docker(), 'certs.d', name);
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, 'ca.crt'), pem, { mode: 0o644 });
    return folder;
  };
  const another = () => {
    const other = new CompanyAuthority();
    other.clear();
    return other.certificate;
  };
  const push = (more: NodeJS.ProcessEnv = {}) =>
    space.hear(
      [process.execPath, packageFile('dist/main.js'), 'template', 'push', `${host}/team/dev:3`, 'dev', '--sign', 'key'],
      {
        cwd: laptop.project,
        env: { PATH: process.env['PATH'], HOME: laptop.folder, VMGATE_HOME: laptop.home, ...more },
      },
    );
  const refused = async (code: string, exit: number, more?: NodeJS.ProcessEnv) => {
    const said = await push(more);
    expect({ exit: said.exit, stderr: said.stderr }).toEqual({
      exit,
      stderr: expect.stringContaining(`error ${code}:`),
    });
    return said.stderr;
  };

  test('in docker’s own place it counts, for push and pull', async () => {
    allow(host);
    const pushed = await push();
    expect({ exit: pushed.exit, stderr: pushed.stderr }).toMatchObject({ exit: 0 });
    const member = new Laptop();
    try {
      cpSync(docker(), path.join(member.folder, '.docker'), { recursive: true });
      const [, line = ''] = /^ {2}vmgate init (.*)$/m.exec(pushed.stdout) ?? /--signer (\S+)/.exec(pushed.stdout) ?? [];
      const signer = /SHA256:\S+/.exec(line)?.[0] ?? '';
      const pulled = await space.hear(
        [process.execPath, packageFile('dist/main.js'), 'template', 'pull', `${host}/team/dev:3`, '--signer', signer],
        {
          cwd: member.project,
          env: { PATH: process.env['PATH'], HOME: member.folder, VMGATE_HOME: member.home },
        },
      );
      expect({ exit: pulled.exit, stderr: pulled.stderr }).toMatchObject({ exit: 0 });
    } finally {
      member.clear();
    }
  });

  test('anti-test: without it nothing is sent on, at once, and the command is said; that command mends it', async () => {
    const begun = performance.now();
    const said = await refused('REGISTRY_CERTIFICATE_REFUSED', 6);
    expect(performance.now() - begun).toBeLessThan(20_000);
    expect(said).not.toContain('trying again');
    const command = /(install -D \S+ \S+) CA\.crt ~(\S+)/.exec(said);
    expect(command?.[2]).toBe(`/.docker/certs.d/${host}/ca.crt`);
    const [install = '', ...argv] = (command?.[1] ?? '').split(' ');
    const authority = laptop.write('CA.crt', company.certificate);
    execFileSync(install, [...argv, authority, `${laptop.folder}${command?.[2]}`]);
    expect((await push()).exit).toBe(0);
  });

  test.each([
    ['of another host', () => allow('registry.example.org')],
    ['of another port', () => allow(`${NAME}:1`)],
    ['another authority of that name', () => allow(host, another())],
  ])('%s: it does not count', async (_, make) => {
    make();
    await refused('REGISTRY_CERTIFICATE_REFUSED', 6);
  });

  test('no environment variable adds one', async () => {
    const file = laptop.write('ca.pem', company.certificate);
    await refused('REGISTRY_CERTIFICATE_REFUSED', 6, { NODE_EXTRA_CA_CERTS: file });
    await refused('REGISTRY_CERTIFICATE_REFUSED', 6, { SSL_CERT_FILE: file });
    await refused('REGISTRY_CERTIFICATE_REFUSED', 6, { NODE_TLS_REJECT_UNAUTHORIZED: '0' });
  });

  test('what others can write, or is no authority, is refused with its place', async () => {
    const folder = allow(host);
    chmodSync(path.join(folder, 'ca.crt'), 0o666);
    expect(await refused('REGISTRY_AUTHORITY_REFUSED', 3)).toContain('can be written by other users');
    chmodSync(path.join(folder, 'ca.crt'), 0o644);
    chmodSync(folder, 0o777);
    expect(await refused('REGISTRY_AUTHORITY_REFUSED', 3)).toContain('can be written by other users');
    chmodSync(folder, 0o755);
    expect((await push()).exit).toBe(0);
    allow(host, 'not PEM');
    await refused('REGISTRY_AUTHORITY_REFUSED', 3);
    allow(host, readFileSync(company.issue('x.example.com').certificate, 'utf8'));
    expect(await refused('REGISTRY_AUTHORITY_REFUSED', 3)).toContain('is no authority');
    allow(host, `${'x'.repeat(300_000)}\n${company.certificate}`);
    expect(await refused('REGISTRY_AUTHORITY_REFUSED', 3)).toContain('longer than');
  });
});
