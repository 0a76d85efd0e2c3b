/** Two stands on one wire: what the drills and leak tests take QEMU for. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { Installation } from '../../../src/drivers/index.ts';
import { udpFrame } from '../../../src/frame/index.ts';
import { knocks, standOn, type WireStand } from '../../../src/lab/index.ts';

jest.setTimeout(30_000);

const HOP = { sourceMac: '52:54:20:00:00:00', destinationMac: '52:54:10:00:00:00' };
const ENDS = { source: '10.213.0.2', destination: '10.213.0.1' };
const frame = (text: string) => udpFrame(HOP, { ...ENDS, sourcePort: 1, destinationPort: 9 }, Buffer.from(text));

let folder: string;
let stands: WireStand[];
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'vmg-wire-'));
  stands = [];
});
afterEach(async () => {
  await Promise.all(stands.map((stand) => stand.close()));
  await rm(folder, { recursive: true, force: true });
});

const wirePath = (end: string) => path.join(folder, `${end}.sock`);
async function stand(here: string, there: string): Promise<WireStand> {
  const place = { folder: path.join(folder, here), localPath: wirePath(here), remotePath: wirePath(there) };
  const opened = await standOn(place, new Installation());
  stands.push(opened);
  return opened;
}
const heardBy = (listener: WireStand) => new Promise<Buffer>((resolve) => listener.onFrame(resolve));

test('a frame arrives as it was sent, and knocks keep their wrong checksum', async () => {
  const [one, other] = [await stand('a', 'b'), await stand('b', 'a')];
  const first = heardBy(other);
  one.send(frame('hello'));
  expect(await first).toEqual(frame('hello'));
  const [knock = Buffer.alloc(0)] = knocks(HOP, ENDS, 1);
  const second = heardBy(one);
  other.send(knock);
  expect(await second).toEqual(knock);
});

test('it speaks to nobody without harm, and to whoever comes after', async () => {
  const one = await stand('a', 'b');
  for (let index = 0; index < 100; index += 1) one.send(frame('anybody?'));
  const other = await stand('b', 'a');
  const heard = heardBy(other);
  one.send(frame('hello'));
  expect(await heard).toEqual(frame('hello'));
});

test('it leaves nothing', async () => {
  const one = await stand('a', 'b');
  await one.close();
  stands = [];
  expect(() => process.kill(one.pid, 0)).toThrow('ESRCH');
  expect(existsSync(path.join(folder, 'a'))).toBe(false);
});
