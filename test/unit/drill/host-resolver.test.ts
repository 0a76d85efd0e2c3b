import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { changeResolver, firstResolver } from '../../../src/drill/host-resolver.ts';
import { resolversIn } from '../../../src/sensors/linux-text.ts';

let folder: string;
let file: string;
const resolver = () => resolversIn(readFileSync(file, 'utf8')).join();

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'vmg-resolver-'));
  file = path.join(folder, 'resolv.conf');
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('a change is one every time: a gate that was opened after the first would hear nothing of the same once more', async () => {
  await firstResolver(file);
  const seen = [resolver()];
  for (let change = 0; change < 3; change += 1) {
    await changeResolver(file);
    seen.push(resolver());
  }
  const [first, second] = seen;
  expect(first).not.toBe(second);
  expect(seen).toEqual([first, second, first, second]);
  expect(seen.every((address) => address !== '')).toBe(true);
});
