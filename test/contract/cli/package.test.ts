/** What would be published: what is in it, that it installs with no network, and that it works from there. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { repository, trackedFiles } from '../../unit/house/sources.ts';
import { type Installed, installPackage, type Package, packPackage } from './package.ts';

/** About a fifth above what it was: a library that slips in is noticed. */
const MAX_TARBALL = 1_400_000;
const MAX_UNPACKED = 5_400_000;
const PROGRAMS = ['main', 'supervisor/main', 'lab/supervisor-main', 'guard/main', 'lab/guard-absent'];

let packed: Package;
let installed: Installed;
beforeAll(async () => {
  packed = await packPackage();
  installed = await installPackage(packed);
}, 120_000);
afterAll(() => packed?.remove());

const names = () => [...packed.files.keys()];
const below = (folder: string) => names().filter((name) => name.startsWith(`${folder}/`));
const tracked = (folder: string) => trackedFiles().filter((name) => name.startsWith(`${folder}/`));

describe('the package', () => {
  test('holds program, guest files and documentation, nothing else', () => {
    const top = new Set(names().map((name) => name.split('/')[0]));
    expect([...top].sort()).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'SECURITY.md',
      'dist',
      'docs',
      'package.json',
      'provision',
      'vm-templates',
    ]);
    expect(new Set(below('docs'))).toEqual(new Set(tracked('docs')));
    expect(new Set(below('vm-templates'))).toEqual(new Set(tracked('vm-templates')));
    const guest = tracked('provision').filter((name) => !name.startsWith('provision/host/'));
    expect(new Set(below('provision'))).toEqual(new Set(guest));
    const programs = below('dist').filter((name) => !name.startsWith('dist/chunks/'));
    expect(new Set(programs)).toEqual(
      new Set([...PROGRAMS.map((name) => `dist/${name}.js`), 'dist/THIRD-PARTY-LICENSES']),
    );
    expect(below('dist/chunks').filter((name) => !/^dist\/chunks\/[\w-]+-[A-Z0-9]{8}\.js$/.test(name))).toEqual([]);
  });

  test('is of the size it has to be', () => {
    expect(packed.tarballBytes).toBeLessThan(MAX_TARBALL);
    expect([...packed.files.values()].reduce((sum, bytes) => sum + bytes, 0)).toBeLessThan(MAX_UNPACKED);
  });

  test('depends on no package and runs nothing when it is installed', () => {
    const found = JSON.parse(readFileSync(path.join(installed.folder, 'package.json'), 'utf8')) as {
      readonly [key: string]: Record<string, string> | undefined;
    };
    for (const key of ['dependencies', 'optionalDependencies', 'peerDependencies', 'bundleDependencies']) {
      expect(found[key]).toBeUndefined();
    }
    expect(Object.keys(found['scripts'] ?? {}).filter((name) => /^(pre|post)?install$|^prepare$/.test(name))).toEqual(
      [],
    );
    expect(found['scripts']?.['prepack']).toContain('build');
    expect(readdirSync(path.dirname(installed.folder)).filter((name) => !name.startsWith('.'))).toEqual(['vmgate']);
  });

  test('tells nothing of where it was built, and nothing of tests', () => {
    const traces = below('dist').filter((name) => {
      const text = readFileSync(path.join(installed.folder, name), 'utf8');
      return text.includes('sourceMappingURL') || text.includes('guard-open') || text.includes(repository);
    });
    expect(traces).toEqual([]);
  });

  test('names each library it contains, with its licence', () => {
    const text = readFileSync(path.join(installed.folder, 'dist/THIRD-PARTY-LICENSES'), 'utf8');
    for (const library of ['ssh2 1', 'zod 4', 'yaml 2', 'commander 14', 'tweetnacl 0', 'dockerode 5']) {
      expect(text).toContain(`\n${library}.`);
    }
    expect(text).not.toContain('@grpc/');
  });
});

describe('installed', () => {
  const temporary = () => path.join(packed.folder, 'tmp');
  beforeAll(() => mkdirSync(temporary()));
  const environment = () => ({
    PATH: process.env['PATH'],
    HOME: packed.folder,
    VMGATE_HOME: path.join(packed.folder, 'home'),
    TMPDIR: temporary(),
  });
  const start = (program: string, argv: readonly string[]) => {
    const options = { encoding: 'utf8', cwd: packed.folder, env: environment() } as const;
    const { status, stdout, stderr } = spawnSync(program, argv, options);
    // An uncaught error quotes its line, and a line of the bundle is long.
    return { status, stdout, stderr: stderr.slice(-1_000) };
  };
  const vmgate = (...argv: string[]) => start(installed.command, argv);
  const script = (text: string, ...argv: string[]) =>
    start(process.execPath, ['--input-type=module', '-e', text, ...argv]);

  test('it tells its version', () => {
    const { version } = JSON.parse(readFileSync(path.join(repository, 'package.json'), 'utf8')) as { version: string };
    expect(vmgate('--version')).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' });
  });

  test('every command is there', () => {
    const { status, stdout } = vmgate('--help');
    expect(status).toBe(0);
    expect(stdout).toContain('demo');
    expect(vmgate('completion', 'bash')).toMatchObject({ status: 0 });
  });

  test('it knows its schema', () => {
    const { status, stdout } = vmgate('schema');
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toHaveProperty('properties.vpn');
  });

  test('it examines this machine', () => {
    const { stdout } = vmgate('doctor', '--json');
    const checked = JSON.stringify(JSON.parse(stdout));
    for (const what of ['node', 'home', 'image-gateway']) expect(checked).toContain(`"${what}"`);
  });

  test('it says what is missing', () => {
    const { status, stderr } = vmgate('up');
    expect(status).toBe(2);
    expect(stderr).toContain('CONFIG_');
  });

  test('whatever is loaded late can be loaded', () => {
    const chunks = below('dist/chunks').map((name) => path.join(installed.folder, name));
    const all = script('for (const file of process.argv.slice(1)) await import(file);', ...chunks);
    expect(all).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  test('Docker is asked without what was left out of its library', () => {
    const [chunk = ''] = below('dist/chunks').filter((name) => /\/docker-[A-Z0-9]+\.js$/.test(name));
    const asked = script(
      `const { default: Docker } = await import(process.argv[1]);
      await new Docker({ socketPath: '/nowhere/docker.sock' }).ping().catch(({ code }) => process.stdout.write(code));`,
      path.join(installed.folder, chunk),
    );
    expect(asked).toEqual({ status: 0, stdout: 'ENOENT', stderr: '' });
  });

  // Node's own cache of compiled code would be there, where everybody may write.
  test('it leaves nothing in the folder for temporary files, and takes nothing from there', () => {
    expect(readdirSync(temporary())).toEqual([]);
  });
});
