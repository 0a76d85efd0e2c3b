/**
 * A gateway of the other architecture, as data: imported, listed, sent and taken through a registry, and packed for npm. No
 * machine boots; that a gateway for arm64 does is test/all/versions/arm64.test.ts.
 */
import { execFile, execFileSync } from 'node:child_process';
import { appendFileSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { gatewayArgv } from '../../../src/drivers/qemu/argv.ts';
import { hostPlatform } from '../../../src/host/index.ts';
import { assembleBoot, findImage, requireImage, takePackaged } from '../../../src/image/index.ts';
import { describeUnless, missing } from '../../obstacle.ts';
import { Laptop } from '../../unit/cli/command-line.ts';
import { gatewayBoot } from '../../unit/drivers/specs.ts';
import { codeOf } from '../../unit/faults.ts';
import { repository } from '../../unit/house/sources.ts';
import { startDockerRegistry } from '../oci/docker-registry.ts';
import { fakeGateway } from './fake-gateway.ts';

jest.setTimeout(300_000);

const exec = promisify(execFile);
const ARCHS = ['amd64', 'arm64'] as const;
const CPU = { amd64: 'x64', arm64: 'arm64' } as const;
const OTHER = hostPlatform().arch === 'amd64' ? 'arm64' : 'amd64';

let laptop: Laptop;
beforeEach(() => {
  laptop = new Laptop();
});
afterEach(() => laptop.clear());

test.each(ARCHS)('a gateway for %s is imported beside the other one, and boots what it is made of', async (arch) => {
  for (const each of ARCHS) {
    const { folder } = fakeGateway(laptop.folder, each);
    expect((await laptop.type('image', 'import', folder)).exit).toBe(0);
  }
  const image = await requireImage(laptop.layout.images, 'gateway', arch);
  const run = path.join(laptop.folder, 'run');
  mkdirSync(run);
  const { kernel, initramfs } = await assembleBoot(image, ['base', 'wireguard'], Buffer.alloc(0), run);
  expect(readFileSync(kernel, 'utf8')).toBe(`the kernel of ${arch}`);
  expect(readFileSync(initramfs, 'latin1')).toMatch(new RegExp(`^the base of ${arch}\\0*the wireguard of ${arch}`));
  const argv = gatewayArgv(gatewayBoot({ arch, kernel, initramfs }), { accel: 'tcg', sandbox: true });
  expect(argv.join(' ')).toContain(arch === 'arm64' ? 'virt' : 'q35');
  const [listed] = (await laptop.type('image', 'list', '--json')).json();
  const { images } = listed as { images: readonly { arch: string; current: boolean }[] };
  expect(images.filter(({ current }) => current).map((each) => each.arch)).toEqual(expect.arrayContaining([...ARCHS]));
});

describeUnless(missing('docker-registry', 'ssh-keygen'), 'docker-registry')('through a registry', () => {
  test('one for the other architecture is in use for it, and does not count for this machine', async () => {
    const registry = await startDockerRegistry();
    const member = new Laptop();
    try {
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path.join(laptop.project, 'key')]);
      const { folder, digest } = fakeGateway(laptop.folder, OTHER);
      await laptop.type('image', 'import', folder);
      const reference = `${registry.host}/team/gateway:1`;
      const push = ['image', 'push', reference, 'gateway', '--sign', 'key', '--json'];
      expect((await laptop.type(...push)).stdout).toContain('IMAGE_NOT_FOUND');
      const pushed = await laptop.type(...push, '--arch', OTHER);
      const { signer } = pushed.json().at(-1) as { signer: string };
      const pulled = await member.type('image', 'pull', reference, '--signer', signer, '--json');
      expect(pulled.json().at(-1)).toMatchObject({ kind: 'gateway', arch: OTHER, image: digest });
      const { images } = member.layout;
      expect((await findImage(images, 'gateway', OTHER))?.digest).toBe(digest);
      expect(await codeOf(requireImage(images, 'gateway', hostPlatform().arch))).toBe('IMAGE_NOT_FOUND');
    } finally {
      await registry.stop();
      member.clear();
    }
  });
});

describeUnless(missing('npm', 'tar'), 'npm')('npm run pack:gateway', () => {
  const pack = (...images: readonly string[]) =>
    exec(
      process.execPath,
      [
        ...['packaging/pack-gateway.mjs', '--to', path.join(laptop.folder, 'release')],
        ...images.flatMap((image) => ['--image', image]),
      ],
      { cwd: repository },
    );
  const unpacked = (file: string) => {
    const folder = path.join(laptop.folder, 'unpacked', path.basename(file));
    mkdirSync(folder, { recursive: true });
    execFileSync('tar', ['-xzf', file, '-C', folder]);
    return path.join(folder, 'package');
  };
  const described = (folder: string) => JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as object;

  test('packs a gateway of each architecture, and a vmgate that knows both', async () => {
    const gateways = ARCHS.map((arch) => fakeGateway(laptop.folder, arch));
    const { stdout } = await pack(...gateways.map(({ folder }) => folder));
    const { digests, files } = JSON.parse(stdout) as { digests: Record<string, string>; files: readonly string[] };
    expect(digests).toEqual({ amd64: gateways[0]?.digest, arm64: gateways[1]?.digest });
    expect(files).toHaveLength(3);
    const program = unpacked(files[2] ?? '');
    const version = (described(program) as { version: string }).version;
    expect(described(program)).toMatchObject({
      optionalDependencies: { '@vmgate/gateway-amd64': version, '@vmgate/gateway-arm64': version },
    });
    const built = readdirSync(path.join(program, 'dist'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.js'))
      .map((name) => readFileSync(path.join(program, 'dist', name), 'utf8'))
      .join('\n')
      // Long lines are broken within strings.
      .replaceAll('\\\n', '');
    for (const digest of Object.values(digests)) expect(built.includes(digest)).toBe(true);

    for (const [index, arch] of ARCHS.entries()) {
      const folder = unpacked(files[index] ?? '');
      expect(described(folder)).toMatchObject({ name: `@vmgate/gateway-${arch}`, version, cpu: [CPU[arch]] });
      expect(described(folder)).not.toHaveProperty('scripts');
      expect(readFileSync(path.join(folder, 'README.md'), 'utf8')).toContain(digests[arch]);
      const installed = path.join(laptop.folder, 'lib/node_modules/@vmgate', `gateway-${arch}`);
      cpSync(folder, installed, { recursive: true });
      const options = { digests, from: path.join(laptop.folder, 'lib/node_modules/vmgate') };
      const images = path.join(laptop.folder, 'taken');
      expect(await takePackaged(images, arch, options)).toMatchObject({ digest: digests[arch], manifest: { arch } });
      // Anti-test: with another byte in it it is refused.
      rmSync(images, { recursive: true });
      appendFileSync(path.join(installed, 'kernel'), 'x');
      expect(await codeOf(takePackaged(images, arch, options))).toBe('IMAGE_PACKAGE_FOREIGN');
    }
  });

  test('npm installs it on its own processor only', async () => {
    const { folder } = fakeGateway(laptop.folder, OTHER);
    const { stdout } = await pack(folder);
    const [file = ''] = (JSON.parse(stdout) as { files: readonly string[] }).files;
    writeFileSync(path.join(laptop.folder, 'package.json'), '{"name":"x","version":"1.0.0"}');
    const install = ['install', '--offline', '--no-audit', '--no-fund', '--cache', path.join(laptop.folder, 'cache')];
    await expect(exec('npm', [...install, file], { cwd: laptop.folder })).rejects.toMatchObject({
      stderr: expect.stringContaining('EBADPLATFORM'),
    });
  });

  describe('does not release', () => {
    test.each<[string, (folder: string) => void, RegExp]>([
      [
        'a part that is not what the manifest says',
        (at) => appendFileSync(path.join(at, 'base.cpio'), 'x'),
        /base\.cpio is sha256/,
      ],
      ['an image without one of its parts', (at) => rmSync(path.join(at, 'wireguard.cpio')), /wireguard\.cpio/],
      ['what is no gateway', (at) => edit(at, '"gateway"', '"tiny"'), /is no gateway: tiny for arm64/],
      [
        'an architecture that nobody has',
        (at) => edit(at, '"arm64"', '"riscv64"'),
        /is no gateway: gateway for riscv64/,
      ],
      ['a manifest that is none', (at) => writeFileSync(path.join(at, 'manifest.json'), '{'), /JSON/],
    ])('%s', async (_, spoil, why) => {
      const { folder } = fakeGateway(laptop.folder, 'arm64');
      spoil(folder);
      await expect(pack(folder)).rejects.toMatchObject({ stderr: expect.stringMatching(why) });
    });

    test('two gateways for one architecture', async () => {
      const { folder } = fakeGateway(laptop.folder, 'arm64');
      await expect(pack(folder, folder)).rejects.toMatchObject({
        stderr: expect.stringContaining('is a second gateway for arm64'),
      });
    });
  });
});

function edit(folder: string, from: string, to: string): void {
  const file = path.join(folder, 'manifest.json');
  writeFileSync(file, readFileSync(file, 'utf8').replace(from, to));
}
