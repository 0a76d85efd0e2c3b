import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { rememberLock } from '../../../../src/cli/image/places.ts';
import { Laptop } from '../command-line.ts';

let laptop: Laptop;
let disk: string;
beforeEach(() => {
  laptop = new Laptop();
  disk = path.join(laptop.layout.images, 'disks', `${'3f'.repeat(32)}.raw`);
  mkdirSync(path.dirname(disk), { recursive: true });
  writeFileSync(disk, 'a disk');
});
afterEach(() => laptop.clear());

const record = () => path.join(laptop.layout.images, 'locks.json');

test('what nothing names goes', async () => {
  expect(await laptop.type('image', 'prune')).toMatchObject({ exit: 0 });
  expect(existsSync(disk)).toBe(false);
});

test.each(['{', '{"version":2,"folders":[]}', ''])('nothing goes where the list of folders is %j', async (text) => {
  writeFileSync(record(), text);
  const { exit, stderr } = await laptop.type('image', 'prune');
  expect(exit).toBe(2);
  expect(stderr).toContain('REGISTRY_LOCK_DAMAGED');
  expect(existsSync(disk)).toBe(true);
});

test('nothing goes where a vmgate.yaml of such a folder cannot be read', async () => {
  await rememberLock(laptop.layout, laptop.project);
  mkdirSync(path.join(laptop.project, 'vmgate.yaml'));
  const { exit, stderr } = await laptop.type('image', 'prune');
  expect(exit).toBe(2);
  expect(stderr).toContain('vmgate.yaml cannot be read');
  expect(existsSync(disk)).toBe(true);
  rmSync(path.join(laptop.project, 'vmgate.yaml'), { recursive: true });
  laptop.write('vmgate.yaml', `version: 1\nvpn: acme\nwork: {web: {disk: ${disk}}}\n`);
  expect(await laptop.type('image', 'prune')).toMatchObject({ exit: 0 });
  expect(existsSync(disk)).toBe(true);
});

test('two that are remembered at once are both', async () => {
  const folders = ['a', 'b', 'c'].map((name) => path.join(laptop.project, name));
  for (const folder of folders) mkdirSync(folder);
  await Promise.all(folders.map((folder) => rememberLock(laptop.layout, folder)));
  expect(JSON.parse(readFileSync(record(), 'utf8'))).toEqual({ version: 1, folders });
});
