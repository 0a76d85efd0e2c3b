import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { errors, events } from '../../../src/image/codes.ts';
import { modulesOf, packagesOf, readRecipe } from '../../../src/image/recipe.ts';
import { mmdebstrapArguments } from '../../../src/image/workshop.ts';

const PROVISION = fileURLToPath(new URL('../../../provision', import.meta.url));

describe('recipes', () => {
  test.each(['gateway', 'tiny', 'lab'] as const)('%s is valid for both architectures', async (kind) => {
    const recipe = await readRecipe(PROVISION, kind);
    for (const arch of ['amd64', 'arm64'] as const) {
      expect(packagesOf(recipe, arch)).toContain(`linux-image-cloud-${arch}`);
      expect(recipe.layers.flatMap((layer) => modulesOf(layer, arch))).toContain('virtio_net');
    }
  });

  test('that are broken are refused with the place', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'vmgate-recipe-'));
    mkdirSync(path.join(folder, 'image'));
    writeFileSync(path.join(folder, 'image/tiny.yaml'), 'suite: trixie\nlayers: [{name: base, keep: [/etc/shadow]}]\n');
    await expect(readRecipe(folder, 'tiny')).rejects.toMatchObject({
      code: 'IMAGE_RECIPE_INVALID',
      what: expect.stringContaining('layers[0].keep[0]'),
    });
    rmSync(folder, { recursive: true });
  });
});

describe('mmdebstrapArguments', () => {
  const request = { suite: 'trixie', arch: 'arm64', packages: ['a', 'b'], debs: "/home/o'hara/debs" } as const;

  test('extract only, name no mirror, quote the folder', () => {
    const argv = mmdebstrapArguments({ ...request, asRoot: false });
    expect(argv).toContain('--variant=extract');
    expect(argv).toContain('--mode=chrootless');
    expect(argv).toContain(`--setup-hook=sync-in '/home/o'\\''hara/debs' /var/cache/apt/archives`);
    expect(argv.slice(-2)).toEqual(['trixie', '-']);
    expect(argv.join(' ')).not.toMatch(/https?:/);
  });

  test('leave nothing of other images in apt’s cache: by the last hook that there is', () => {
    const hooks = (argv: readonly string[]) => argv.filter((argument) => argument.includes('/usr/share/doc/'));
    expect(hooks(mmdebstrapArguments({ ...request, asRoot: true }))).toEqual([
      expect.stringMatching(/^--extract-hook=/),
    ]);
    const install = { kernel: 'linux_1_arm64.deb' };
    expect(hooks(mmdebstrapArguments({ ...request, install, asRoot: true }))).toEqual([
      expect.stringMatching(/^--customize-hook=/),
    ]);
  });

  test('differ for root in the mode alone', () => {
    const differing = mmdebstrapArguments({ ...request, asRoot: true }).filter(
      (argument) => !mmdebstrapArguments({ ...request, asRoot: false }).includes(argument),
    );
    expect(differing).toEqual(['--mode=root']);
  });
});

describe('texts', () => {
  test('read well with their samples', () => {
    const lines = [
      ...Object.values(errors).map((code) => {
        const { what, remedy, sample } = code as (typeof errors)['IMAGE_NOT_FOUND'];
        return `${code.code}: ${what(sample)} -> ${remedy(sample)}`;
      }),
      ...Object.values(events).map((code) => {
        const { text, sample } = code as (typeof events)['IMAGE_PACKING'];
        return `${code.code}: ${text(sample)}`;
      }),
    ];
    for (const line of lines) expect(line).not.toMatch(/undefined|NaN|\[object/);
  });
});
