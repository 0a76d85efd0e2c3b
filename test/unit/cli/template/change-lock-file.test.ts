import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { changeLockFile } from '../../../../src/cli/template/change-lock-file.ts';
import { lockFileOf } from '../../../../src/cli/template/lock-file.ts';
import { lockImage, lockVersion, parseReference, readLockfile } from '../../../../src/oci/index.ts';
import { Laptop } from '../command-line.ts';

let laptop: Laptop;
beforeEach(() => {
  laptop = new Laptop();
});
afterEach(() => laptop.clear());

test('versions that are locked at once are all locked', async () => {
  const digest = `sha256:${'3f'.repeat(32)}`;
  const version = { digest, signer: `SHA256:${'a'.repeat(43)}`, created: '2026-03-04T00:00:00.000Z' };
  const [a, b, c] = ['a', 'b', 'c'].map((name) => parseReference(`r.example/${name}:1`));
  if (a === undefined || b === undefined || c === undefined) throw new Error('there are three');
  const change = (write: (file: string) => Promise<void>) => changeLockFile(laptop.layout, laptop.project, write);
  await Promise.all([
    change((file) => lockVersion(file, a, version)),
    change((file) => lockVersion(file, b, version)),
    change((file) => lockImage(file, c, { ...version, image: digest })),
  ]);
  const { templates, images } = await readLockfile(lockFileOf(laptop.project));
  expect(Object.keys(templates)).toEqual(['r.example/a:1', 'r.example/b:1']);
  expect(Object.keys(images ?? {})).toEqual(['r.example/c:1']);
});
