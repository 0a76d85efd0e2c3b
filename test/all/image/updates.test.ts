/**
 * Debian's lists through the tunnel of a real gate: a signed repository that stands behind the VPN alone, asked by the real
 * apt and the proxy that users have; and the command itself, for whose sources nobody here can sign.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import type { Stage } from '../../../src/demo/index.ts';
import { hostPlatform } from '../../../src/host/index.ts';
import { recipeSources } from '../../../src/image/apt-sources.ts';
import { findUpdates } from '../../../src/image/index.ts';
import { LAB } from '../../../src/lab/index.ts';
import { Repository } from '../../contract/image/repository.ts';
import { describeUnless, missing } from '../../obstacle.ts';
import { foreignFrames, NONE, statusOf, until } from '../../system/leaks/life-scene.ts';
import { type Program, stageForAll } from '../../system/leaks/stage.ts';
import { imageOf } from '../../unit/image/stored.ts';
import { Runner } from '../proxy/runner.ts';

/** apt's own patience with a source that does not answer, for each of three suites. */
jest.setTimeout(240_000);
const BOOT_MS = 300_000;

const { arch } = hostPlatform();
const IMAGE = imageOf('tiny', ['busybox 1:1.37.0-6', 'libc6 2.41-12', 'tzdata 2025a-1'], arch);
const SUITES = [
  { name: 'trixie', arch, packages: ['busybox 1:1.37.0-6', 'libc6 2.41-12', 'tzdata 2025b-1'] },
  { name: 'trixie-security', arch, packages: ['busybox 1:1.37.0-6+deb13u1'] },
];
const NEWER = [
  { name: 'busybox', version: '1:1.37.0-6', known: '1:1.37.0-6+deb13u1', security: true },
  { name: 'tzdata', version: '2025a-1', known: '2025b-1', security: false },
];

const tools = missing('apt-get', 'apt-cache', 'gpg', 'mmdebstrap');
describeUnless(tools, 'asking for updates')('updates, through a real gate', () => {
  let program: Program;
  let stage: Stage;
  let folder: string;
  let repository: Repository;
  let proxy: Runner;
  let socks: string;
  /** Where a build would take packages from: names that the lab's resolvers are asked for. */
  let mirrors: ReadonlySet<string>;

  // Before the stage goes.
  afterAll(async () => {
    proxy?.kill();
    await repository?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  stageForAll(
    () => ({ attachment: 'wire' }),
    (opened, compiled) => {
      stage = opened;
      program = compiled;
    },
  );

  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'vgu-'));
    repository = await Repository.in(folder);
    repository.publish(...SUITES);
    for (const [file, content] of repository.files) await stage.lab.page(file, content);
    const lines = (await recipeSources('trixie', arch, folder)).map(({ line }) => line);
    mirrors = new Set(lines.map((line) => /https?:\/\/([^/ ]+)/.exec(line)?.[1] ?? line));
    const up = await stage.vmgate(['up']);
    if (up.code !== 0) throw new Error(up.stderr);
    proxy = new Runner(program, stage, 'proxy', '--json');
    ({ socks } = JSON.parse(await proxy.firstLine()) as { socks: string });
    await stage.lab.clearLogs();
  }, BOOT_MS);

  const isOpen = async () => (await statusOf(stage)).phase === 'open';
  const list = () => stage.vmgate(['image', 'list', '--updates']);
  const ask = () =>
    findUpdates([IMAGE], {
      imagesFolder: path.join(folder, 'images'),
      proxy: socks,
      sourcesFor: async () => SUITES.map(({ name }) => repository.source(name, LAB.siteName)),
    });
  const asked = async (resolver: 'vpn' | 'wifi' | 'internet', names: ReadonlySet<string>) => [
    ...new Set((await stage.lab.dnsLog(resolver)).map(({ name }) => name).filter((name) => names.has(name))),
  ];
  const askedOutside = async (names: ReadonlySet<string>) => [
    ...(await asked('wifi', names)),
    ...(await asked('internet', names)),
  ];
  const fetched = async () => (await stage.lab.httpLog()).filter((each) => each.path.startsWith('/debian/'));

  test('what a signed repository behind the VPN knows is had, all of it at the exit', async () => {
    await until('the gate is open', isOpen);
    const answer = await ask();
    expect(answer.images.get(IMAGE.digest)).toEqual({ packages: NEWER, unlisted: [], complete: true });
    const seen = await fetched();
    expect(new Set(seen.map((each) => each.path))).toEqual(new Set(repository.files.keys()));
    expect(new Set(seen.map(({ source }) => source))).toEqual(new Set([LAB.exit]));
    expect(await askedOutside(new Set([LAB.siteName]))).toEqual([]);
    expect(repository.connections).toBe(0);
    expect(await foreignFrames(stage)).toEqual(NONE);
  });

  test('the command asks for Debian’s names inside the tunnel alone, where they do not exist here', async () => {
    await until('the gate is open', isOpen);
    const { code, stderr } = await list();
    expect({ code, stderr }).toEqual({ code: 3, stderr: expect.stringContaining('IMAGE_UPDATES_UNANSWERED') });
    expect(new Set(await asked('vpn', mirrors))).toEqual(mirrors);
    expect(await askedOutside(mirrors)).toEqual([]);
    expect(await foreignFrames(stage)).toEqual(NONE);
  });

  test('a gate that is closed is asked nothing: 4; open again, the lists are had again', async () => {
    await stage.lab.fault('tunnel-silent', true);
    await until('the gate closed', async () => !(await isOpen()));
    await stage.lab.clearLogs();
    const { code, stderr } = await list();
    expect({ code, stderr }).toEqual({ code: 4, stderr: expect.stringContaining('GATE_NOT_VERIFIED') });
    await expect(ask()).rejects.toMatchObject({ code: 'IMAGE_UPDATES_UNANSWERED' });
    expect([...(await asked('vpn', mirrors)), ...(await askedOutside(mirrors))]).toEqual([]);
    expect(await fetched()).toEqual([]);
    expect(await foreignFrames(stage)).toEqual(NONE);

    await stage.lab.fault('tunnel-silent', false);
    await until('the gate opened again', isOpen);
    expect((await ask()).images.get(IMAGE.digest)).toMatchObject({ packages: NEWER });
  });
});
