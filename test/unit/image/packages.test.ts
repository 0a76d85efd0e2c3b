import { describe, expect, test } from '@jest/globals';
import { applets } from '../../../src/image/busybox.ts';
import { isElf, readElf, readModuleInfo } from '../../../src/image/elf.ts';
import { ModuleStore, moduleIndexes } from '../../../src/image/kernel-modules.ts';
import { readPackageTar, resolveIn } from '../../../src/image/package-tree.ts';
import { tellingLines } from '../../../src/image/workshop.ts';
import { elf, KERNEL_VERSION, kernelModule, sampleTar } from './samples.ts';

const keepNothing = () => Promise.resolve();

describe('readElf', () => {
  test('finds libraries and the loader', () => {
    expect(readElf(elf(['libc.so.6', 'libm.so.6'], '/lib64/ld.so'))).toEqual({
      needed: ['libc.so.6', 'libm.so.6'],
      interpreter: '/lib64/ld.so',
    });
  });

  test('finds nothing in a library that needs nothing', () => {
    expect(readElf(elf([]))).toEqual({ needed: [], interpreter: undefined });
  });

  test('knows scripts from programs', () => {
    expect(isElf(Buffer.from('#!/bin/sh\n'))).toBe(false);
    expect(isElf(elf([]))).toBe(true);
  });

  test('reads modinfo, values with = in them included', () => {
    const module = kernelModule(['depends=a,b', 'parm=x:y=z']);
    expect(readModuleInfo(module)).toEqual([
      ['depends', 'a,b'],
      ['parm', 'x:y=z'],
    ]);
  });
});

describe('applets', () => {
  test('come from the table in the binary', () => {
    expect(applets(elf([], undefined, '\0[\0[[\0cat\0sh\0\0'))).toEqual(['[', '[[', 'cat', 'sh']);
  });

  test('are none where there is no table', () => {
    expect(applets(elf([]))).toEqual([]);
  });
});

describe('readPackageTar', () => {
  test('lists the debs with decoded versions and hands them over', async () => {
    const kept: string[] = [];
    const { packages } = await readPackageTar(sampleTar(), (name) => {
      kept.push(name);
      return Promise.resolve();
    });
    expect(packages.map(({ name, version }) => `${name} ${version}`)).toEqual(['busybox 1.37-6', 'libtiny 1:2.0-1']);
    expect(kept).toHaveLength(2);
  });

  test('keeps files, links and hard links, and leaves documentation out', async () => {
    const { tree } = await readPackageTar(sampleTar(), keepNothing);
    expect([...tree.keys()].filter((name) => name.startsWith('usr/share') || name.startsWith('var'))).toEqual([]);
    expect(tree.get('usr/sbin/tool')).toMatchObject({ type: 'file', executable: true });
    expect(tree.get('usr/lib/x86_64-linux-gnu/libtiny-again.so')).toMatchObject({ type: 'file' });
  });

  test('follows links of files and folders, and gives up on loops', async () => {
    const { tree } = await readPackageTar(
      sampleTar([
        { name: 'usr/real/file', data: 'x' },
        { name: 'usr/alias', linkTo: 'real' },
        { name: 'usr/top', linkTo: '/usr/alias/file' },
        { name: 'a', linkTo: 'b' },
        { name: 'b', linkTo: 'a' },
      ]),
      keepNothing,
    );
    expect(resolveIn(tree, 'usr/alias/file')).toBe('usr/real/file');
    expect(resolveIn(tree, 'usr/top')).toBe('usr/real/file');
    expect(resolveIn(tree, 'a')).toBeUndefined();
  });

  test('fails on a truncated archive', async () => {
    const broken = sampleTar();
    setImmediate(() => broken.destroy(new Error('cut off')));
    await expect(readPackageTar(broken, () => new Promise(setImmediate))).rejects.toThrow();
  });
});

describe('kernel modules', () => {
  test('come with what they depend on, built-in ones without a file', async () => {
    const { tree } = await readPackageTar(sampleTar(), keepNothing);
    const missing: string[] = [];
    const modules = await new ModuleStore(tree).closure(['card', 'button', 'tunnel', 'nonsense'], (name) => {
      missing.push(name);
    });
    expect(modules.map(({ name }) => name)).toEqual(['cipher', 'card', 'net_core', 'tunnel']);
    expect(missing).toEqual(['nonsense']);
  });

  test('are indexed as depmod does: the module, then what must be loaded before it', async () => {
    const { tree } = await readPackageTar(sampleTar(), keepNothing);
    const store = new ModuleStore(tree);
    expect(store.version).toBe(KERNEL_VERSION);
    const { dep, alias } = moduleIndexes(await store.closure(['card', 'tunnel'], () => {}));
    expect(dep.split('\n')).toEqual([
      'kernel/crypto/cipher.ko:',
      'kernel/net/card.ko: kernel/net/net_core.ko',
      'kernel/net/net_core.ko:',
      'kernel/net/tunnel.ko: kernel/crypto/cipher.ko kernel/net/net_core.ko',
      '',
    ]);
    expect(alias).toBe('alias crypto-cipher cipher\nalias virtio:d1v* card\n');
  });
});

test("a failure shows the errors among apt's lines, or all of them", () => {
  const noise = ['Ign:1 http://mirror.example trixie InRelease', 'Reading package lists...', 'I: removing tempdir'];
  const error = "E: Failed to fetch http://mirror.example/InRelease  Temporary failure resolving 'mirror.example'";
  const outcome = ['E: apt-get update --error-on=any failed: process exited with 100', 'E: mmdebstrap failed to run'];
  expect(tellingLines([...noise, error, ...outcome])).toEqual([error]);
  expect(tellingLines(noise)).toEqual(noise);
});
