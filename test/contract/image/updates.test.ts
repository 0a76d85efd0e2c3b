/** The real apt, against a repository on the loopback, through vmgate's own proxy with a gate that only dials. */
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { VmgateError } from '../../../src/core/coded.ts';
import { run } from '../../../src/host/index.ts';
import { type AptSource, recipeSources } from '../../../src/image/apt-sources.ts';
import { findUpdates, type StoredImage, type UpdatesAnswer } from '../../../src/image/index.ts';
import { OwnApt } from '../../../src/image/own-apt.ts';
import { makeCredential, startProxy } from '../../../src/proxy/index.ts';
import { errors } from '../../../src/supervisor/codes.ts';
import { describeUnless, missing } from '../../obstacle.ts';
import { Laptop, report, scripted } from '../../unit/cli/command-line.ts';
import { imageOf, putImage } from '../../unit/image/stored.ts';
import { Repository } from './repository.ts';

const describeHere = describeUnless(missing('apt-get', 'apt-cache', 'mmdebstrap', 'gpg'), 'asking for updates');
const PACKAGES = ['busybox 1:1.37.0-6', 'libc6 2.41-12', 'tzdata 2025a-1', 'linux-image-6.12.41 6.12.41-1'];
const TRIXIE = { name: 'trixie', packages: ['busybox 1:1.37.0-6', 'libc6 2.41-12', 'tzdata 2025b-1'] };
const SECURITY = { name: 'trixie-security', packages: ['busybox 1:1.37.0-6+deb13u1', 'busybox 1:1.37.0-6+deb13u2'] };
const SUITES = ['trixie', 'trixie-security'] as const;

/** apt's own patience with a source that does not answer. */
jest.setTimeout(60_000);

let root: string;
let repository: Repository;

beforeAll(async () => {
  root = mkdtempSync(path.join(tmpdir(), 'vgu-'));
  repository = await Repository.in(root);
});
beforeEach(() => repository.publish(TRIXIE, SECURITY));
afterAll(async () => {
  await repository.close();
  rmSync(root, { recursive: true, force: true });
});

const imagesFolder = () => path.join(root, 'a home, with images');

/** A proxy as the command makes one. The gate knows every name, and each leads to the repository. */
async function through(
  work: (proxy: string, password: string) => Promise<UpdatesAnswer>,
  dial: (target: string) => Promise<net.Socket> = reach,
): Promise<UpdatesAnswer & { readonly dialled: readonly string[] }> {
  const dialled: string[] = [];
  const credential = makeCredential();
  const listener = await startProxy({
    place: { kind: 'port', port: 0 },
    credential,
    open: ({ host, port }) => {
      dialled.push(`${host}:${port}`);
      return dial(host);
    },
    onRefused: () => undefined,
    onStranger: () => undefined,
  });
  const port = listener.place.kind === 'port' ? listener.place.port : 0;
  try {
    const { user, password } = credential;
    return { ...(await work(`socks5h://${user}:${password}@127.0.0.1:${port}`, password)), dialled };
  } finally {
    listener.close();
  }
}

async function reach(): Promise<net.Socket> {
  const socket = net.connect(repository.port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}

const ask = (
  image: StoredImage,
  proxy: string,
  sources: readonly AptSource[] = SUITES.map((suite) => repository.source(suite)),
) => findUpdates([image], { imagesFolder: imagesFolder(), proxy, sourcesFor: async () => sources });

async function deadProxy(): Promise<string> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  return `socks5h://vmgate:secret@127.0.0.1:${port}`;
}

describeHere('what Debian knows', () => {
  const image = imageOf('tiny', PACKAGES);

  test('is asked for by name, through the proxy; nothing stays behind', async () => {
    const answer = await through((proxy) => ask(image, proxy));
    expect(answer.images.get(image.digest)).toEqual({
      packages: [
        { name: 'busybox', version: '1:1.37.0-6', known: '1:1.37.0-6+deb13u2', security: true },
        { name: 'tzdata', version: '2025a-1', known: '2025b-1', security: false },
      ],
      unlisted: ['linux-image-6.12.41'],
      complete: true,
    });
    expect(answer.suites).toEqual(SUITES.map((suite) => ({ suite, arch: 'amd64', answered: true })));
    expect(new Set(answer.dialled)).toEqual(new Set(['packages.example:80']));
    expect(readdirSync(imagesFolder())).toEqual([]);
  });

  test('of another architecture', async () => {
    repository.publish({ ...TRIXIE, arch: 'arm64' }, { ...SECURITY, arch: 'arm64' });
    const foreign = imageOf('gateway', PACKAGES, 'arm64');
    const { images } = await through((proxy) => ask(foreign, proxy));
    expect(images.get(foreign.digest)?.packages.map(({ name }) => name)).toEqual(['busybox', 'tzdata']);
  });

  test('a suite without any package has answered', async () => {
    repository.publish(TRIXIE, { ...SECURITY, packages: [] });
    const { suites, images } = await through((proxy) => ask(image, proxy));
    expect(suites.every(({ answered }) => answered)).toBe(true);
    expect(images.get(image.digest)).toMatchObject({ complete: true, packages: [{ name: 'tzdata' }] });
  });

  test('a manifest whose words are options or lines of a file is not handed on', async () => {
    const hostile = imageOf('tiny', ['-o=Dir::Bin::methods=/x 1', 'tzdata 2025a-1\nStatus:']);
    const { images } = await through((proxy) => ask(hostile, proxy));
    expect(images.get(hostile.digest)).toMatchObject({
      packages: [],
      unlisted: hostile.manifest.packages.map(({ name }) => name),
    });
  });

  test('the password is in no argv, and in nothing that apt said', async () => {
    repository.publish(TRIXIE);
    const lines: string[] = [];
    let secret = '';
    const look = async () => {
      for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
        try {
          lines.push(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
        } catch {}
      }
      return await reach();
    };
    const work = (proxy: string, password: string) => {
      secret = password;
      return ask(image, proxy);
    };
    const { evidence } = await through(work, look);
    expect(lines.some((line) => line.includes('apt-get'))).toBe(true);
    expect([...lines, ...evidence].filter((line) => line.includes(secret))).toEqual([]);
  });
});

describeHere('half an answer', () => {
  const image = imageOf('tiny', PACKAGES);

  test('names who did not answer, and calls nothing current', async () => {
    repository.publish(TRIXIE);
    const { suites, images, evidence } = await through((proxy) => ask(image, proxy));
    expect(suites.map(({ suite, answered }) => [suite, answered])).toEqual([
      ['trixie', true],
      ['trixie-security', false],
    ]);
    expect(images.get(image.digest)).toMatchObject({ complete: false, unlisted: [], packages: [{ name: 'tzdata' }] });
    expect(evidence.join('\n')).toContain('trixie-security');
  });

  test.each([
    {
      what: 'not signed',
      publish: () => repository.publish({ ...TRIXIE, signed: false }, { ...SECURITY, signed: false }),
    },
    {
      what: 'signed, and changed since',
      publish: () => {
        for (const suite of SUITES) {
          repository.alter(`/debian/dists/${suite}/main/binary-amd64/Packages`, (list) =>
            list.replace('2025b', '2024b'),
          );
          repository.alter(`/debian/dists/${suite}/InRelease`, (release) =>
            release.replace('Origin: Debian', 'Origin: Other'),
          );
        }
      },
    },
    {
      what: 'of last year',
      publish: () => {
        const validUntil = new Date(Date.now() - 60_000);
        repository.publish({ ...TRIXIE, validUntil }, { ...SECURITY, validUntil });
      },
    },
  ])('a list that is $what is none', async ({ publish }) => {
    publish();
    await expect(through((proxy) => ask(image, proxy))).rejects.toMatchObject({ code: 'IMAGE_UPDATES_UNANSWERED' });
    expect(repository.asked.length).toBeGreaterThan(0);
  });

  test('a proxy that refuses', async () => {
    const refusing = through(
      (proxy) => ask(image, proxy.replace(/:[\w-]+@/, ':wrong@')),
      () => reach(),
    );
    await expect(refusing).rejects.toMatchObject({ code: 'IMAGE_UPDATES_UNANSWERED' });
    expect(repository.connections).toBe(0);
  });
});

describeHere('no way but the proxy', () => {
  const image = imageOf('tiny', PACKAGES);
  /** The repository where apt would find it by itself. */
  const direct = () => [repository.source('trixie', `127.0.0.1:${repository.port}`)];
  /** What a machine's own configuration may say. */
  const exception = (folder: string) => {
    mkdirSync(path.join(folder, 'machine'), { recursive: true });
    writeFileSync(path.join(folder, 'machine', 'direct.conf'), 'Acquire::http::Proxy::127.0.0.1 "DIRECT";\n');
  };

  async function updateWith(change: (configuration: string, folder: string) => string): Promise<number> {
    const folder = mkdtempSync(path.join(root, 'apt-'));
    const options = { folder, arch: 'amd64', sources: direct(), proxy: await deadProxy(), signal: undefined } as const;
    const apt = await OwnApt.in(options);
    exception(folder);
    const file = path.join(folder, 'apt.conf');
    writeFileSync(file, change(readFileSync(file, 'utf8'), folder));
    await apt.update();
    return repository.connections;
  }

  test('a dead proxy: an error, and the repository saw nobody', async () => {
    await expect(deadProxy().then((proxy) => ask(image, proxy, direct()))).rejects.toMatchObject({
      code: 'IMAGE_UPDATES_UNANSWERED',
    });
    expect(repository.connections).toBe(0);
  });

  test('nor with an exception in the configuration of the machine', async () => {
    expect(await updateWith((configuration) => configuration)).toBe(0);
  });

  test('anti-test: without the line that names the proxy apt asks by itself, and is seen', async () => {
    expect(
      await updateWith((configuration) => configuration.replace(/^Acquire::https?::Proxy .*$/gm, '')),
    ).toBeGreaterThan(0);
  });

  test('anti-test: where the configuration of the machine is read, its exception counts, and is seen', async () => {
    const withParts = (configuration: string, folder: string) =>
      configuration.replace('Dir::Etc::parts "/dev/null"', `Dir::Etc::parts "${folder}/machine/"`);
    expect(await updateWith(withParts)).toBeGreaterThan(0);
  });

  test('apt knows nothing of the machine’s configuration', async () => {
    const folder = mkdtempSync(path.join(root, 'apt-'));
    const proxy = await deadProxy();
    await OwnApt.in({ folder, arch: 'amd64', sources: direct(), proxy, signal: undefined });
    const env = { APT_CONFIG: path.join(folder, 'apt.conf') };
    const { stdout } = await run({ tool: 'apt-config', argv: ['dump'], timeoutMs: 10_000, env });
    const about = stdout.split('\n').filter((line) => /proxy|invoke|AllowInsecure|https?::|Etc::parts/i.test(line));
    expect(about).toEqual(
      expect.arrayContaining([
        `Acquire::http::Proxy "${proxy}";`,
        `Acquire::https::Proxy "${proxy}";`,
        'Dir::Etc::parts "/dev/null";',
      ]),
    );
    expect(
      about.filter((line) => / "(?!0|false)/.test(line) && !/::Proxy "socks5h|Etc::parts|https?:: *"";/.test(line)),
    ).toEqual([]);
  });
});

const describeTraced = describeUnless(missing('apt-get', 'gpg', 'strace', 'unshare'), 'whom apt speaks to');

describeTraced('whom apt speaks to, as the kernel was asked', () => {
  /** In a network of its own that leads nowhere: what counts is who was tried. */
  async function tried(change: (configuration: string) => string): Promise<readonly string[]> {
    const folder = mkdtempSync(path.join(root, 'apt-'));
    const proxy = 'socks5h://vmgate:secret@127.0.0.1:9';
    await OwnApt.in({ folder, arch: 'amd64', sources: [repository.source('trixie')], proxy, signal: undefined });
    const file = path.join(folder, 'apt.conf');
    writeFileSync(file, change(readFileSync(file, 'utf8')));
    const trace = path.join(folder, 'trace');
    const watched = ['strace', '-f', '-qq', '-e', 'trace=%network', '-o', trace, 'apt-get', 'update'];
    const argv = ['--map-root-user', '--net', ...watched];
    await run({ tool: 'unshare', argv, timeoutMs: 50_000, env: { APT_CONFIG: file } });
    const ports = readFileSync(trace, 'utf8').matchAll(/sin6?_port=htons\((\d+)\)/g);
    return [...new Set([...ports].map(([, port = '']) => port))].filter((port) => port !== '0');
  }

  test('the proxy’s port, and no resolver', async () => {
    expect(await tried((configuration) => configuration)).toEqual(['9']);
  });

  test('anti-test: without the line of the proxy a resolver of this machine is asked', async () => {
    const without = await tried((configuration) => configuration.replace(/^Acquire::https?::Proxy .*$/gm, ''));
    expect(without).toContain('53');
  });
});

describeHere('where packages come from', () => {
  test('is what mmdebstrap builds from: the suite, its updates and its security updates, over http', async () => {
    const folder = mkdtempSync(path.join(root, 'recipe-'));
    const sources = await recipeSources('trixie', 'amd64', folder);
    expect(sources.map(({ suite }) => suite)).toEqual(['trixie', 'trixie-updates', 'trixie-security']);
    expect(sources.every(({ components }) => components.join() === 'main')).toBe(true);
  });
});

describeHere('the command', () => {
  let laptop: Laptop;
  beforeEach(() => {
    laptop = new Laptop();
    putImage(laptop.layout.images, imageOf('tiny', PACKAGES));
  });
  afterEach(() => laptop.clear());
  const type = () => laptop.type('image', 'list', '--updates', '--gate', 'default');

  test('asks where a build would, through the gate alone; a repository of somebody else’s is not believed', async () => {
    const handle = scripted(report(), {
      connect: ({ raw }) => {
        const stream = raw(null);
        const socket = net.connect(repository.port, '127.0.0.1');
        stream.on('error', () => socket.destroy());
        socket.on('error', () => stream.destroy());
        stream.pipe(socket).pipe(stream);
      },
    });
    await laptop.supervise(handle);
    const { exit, stderr } = await type();
    expect({ exit, stderr }).toEqual({ exit: 3, stderr: expect.stringContaining('IMAGE_UPDATES_UNANSWERED') });
    const asked = handle.asked.map((line) => JSON.parse(line) as { verb: string; host: string; port: number });
    expect(asked.length).toBeGreaterThan(0);
    expect(asked.every(({ verb, port }) => verb === 'connect' && [80, 443].includes(port))).toBe(true);
    expect(repository.asked.length).toBeGreaterThan(0);
  });

  test('a gate that closes meanwhile is the reason, and no list is', async () => {
    const connect = () => {
      const payload = { gate: 'default', phase: 'closed', why: 'the tunnel is lost', remedy: 'vmgate up' } as const;
      throw VmgateError.of(errors.GATE_NOT_VERIFIED, payload);
    };
    await laptop.supervise(scripted(report(), { connect }));
    const { exit, stderr } = await type();
    expect({ exit, stderr }).toEqual({ exit: 4, stderr: expect.stringContaining('GATE_NOT_VERIFIED') });
    expect(repository.connections).toBe(0);
  });
});
