/**
 * A machine that can build no image, as Macs are: a bare Debian with Node and QEMU, no mmdebstrap, no Docker, no network.
 * vmgate and its gateway come as files of npm, and `up` and the whole demo run with that gateway. The demo's lab and work VM
 * are no part of the package, and are imported.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { hostPlatform, type RunResult } from '../../../src/host/index.ts';
import { requireImage } from '../../../src/image/index.ts';
import { describeUnless, missing, notRoot } from '../../obstacle.ts';
import { stageImages } from '../../system/leaks/stage.ts';
import { repository } from '../../unit/house/sources.ts';
import { BareSystem, USER } from './bare-system.ts';

jest.setTimeout(15 * 60_000);

const PROFILE = 'test/unit/vpn/profiles/full.conf';
const VMGATE = '~/.local/bin/vmgate';

describeUnless(notRoot() ?? missing('mmdebstrap', 'unshare', 'setpriv', 'apt-config', 'npm'), 'a packaged gateway')(
  'without any image builder',
  () => {
    const { arch } = hostPlatform();
    const packaged = `.local/lib/node_modules/@vmgate/gateway-${arch}`;
    let folder: string;
    let system: BareSystem;
    let digest: string;
    let files: readonly string[];

    beforeAll(async () => {
      folder = mkdtempSync('/var/tmp/vmgate-packaged-');
      const images = await stageImages();
      const gateway = await requireImage(images, 'gateway', arch);
      const argv = ['packaging/pack-gateway.mjs', '--to', folder, '--image', gateway.folder];
      const packed = execFileSync(process.execPath, argv, { cwd: repository, encoding: 'utf8' });
      ({
        digests: { [arch]: digest = '' },
        files,
      } = JSON.parse(packed) as { digests: Record<string, string>; files: readonly string[] });
      expect(digest).toBe(gateway.digest);
      system = await BareSystem.make('trixie', folder);
      system.bringNode();
      const qemu = arch === 'amd64' ? 'qemu-system-x86' : 'qemu-system-arm';
      const line = `apt-get update -q && apt-get install --no-install-recommends -qqy ${qemu} openssh-client`;
      expect(await system.type({ as: 'root' }, line)).toMatchObject({ code: 0 });
      for (const file of files) cpSync(file, path.join(system.root, 'srv', path.basename(file)));
      cpSync(path.join(repository, PROFILE), path.join(system.root, 'srv/vpn.conf'));
      for (const kind of ['lab', 'tiny'] as const) {
        cpSync((await requireImage(images, kind, arch)).folder, path.join(system.root, 'srv', kind), {
          recursive: true,
        });
      }
      expect(await system.type({ as: 'root' }, 'chmod -R a+rX /srv')).toMatchObject({ code: 0 });
    });
    afterAll(() => {
      system?.remove();
      rmSync(folder, { recursive: true, force: true });
    });

    const outcome = ({ code, stdout, stderr }: RunResult) => ({ code, said: stdout + stderr });
    const ann = async (line: string, env = {}) => outcome(await system.type({ as: USER, network: false, env }, line));

    test('npm installs both from their files, and asks nobody', async () => {
      const tarballs = files.map((file) => `/srv/${path.basename(file)}`).join(' ');
      const installed = await ann(`npm install --global --offline --prefix ~/.local ${tarballs}`);
      expect(installed).toMatchObject({ code: 0 });
      expect(existsSync(path.join(system.root, 'home', USER, packaged, 'manifest.json'))).toBe(true);
    });

    test('nothing here builds an image', async () => {
      expect(await ann('command -v mmdebstrap docker')).toMatchObject({ code: 127 });
      expect(await ann(`${VMGATE} image build gateway`)).toEqual({
        code: 3,
        said: expect.stringContaining('IMAGE_NO_BUILDER'),
      });
      expect((await ann(`${VMGATE} doctor`)).said).toContain(`${digest.slice(0, 19)}, installed with vmgate`);
    });

    test('up takes it and boots it; what it lacks is a network, exit 4', async () => {
      const line = `${VMGATE} init --vpn-file /srv/vpn.conf && ${VMGATE} up; echo "up: $?"; ${VMGATE} image list --json; ${VMGATE} down`;
      const { said } = await ann(line);
      expect(said).toContain(`taken from the package @vmgate/gateway-${arch}`);
      expect(said).toContain('up: 4\n');
      expect(said).toContain(`"digest":"${digest}"`);
    });

    test('the whole demo, to a work VM behind the verified tunnel', async () => {
      const line = `${VMGATE} image import /srv/lab && ${VMGATE} image import /srv/tiny && ${VMGATE} demo`;
      const { code, said } = await ann(line);
      expect({ code, said: code === 0 ? '' : said }).toEqual({ code: 0, said: '' });
      expect(said.match(/^ {2}seen: /gm)).toHaveLength(8);
      expect(said).not.toContain('is built once');
    });

    test('a package whose kernel was changed is refused, exit 6', async () => {
      const line = `echo x >>~/${packaged}/kernel; ${VMGATE} init --force --vpn-file /srv/vpn.conf && ${VMGATE} up`;
      const refused = await ann(line, { VMGATE_HOME: `/home/${USER}/other` });
      expect(refused).toEqual({ code: 6, said: expect.stringContaining('error IMAGE_PACKAGE_FOREIGN') });
    });
  },
);
