import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { RunResult } from '../../../src/host/index.ts';
import { packTemplate, readTemplateManifest } from '../../../src/oci/artifact.ts';
import { parseChallenges } from '../../../src/oci/challenge.ts';
import { nextHop, retryAfter } from '../../../src/oci/client.ts';
import { dockerLogin } from '../../../src/oci/docker-login.ts';
import { requireFiles } from '../../../src/oci/files.ts';
import { formatReference, lockedVersion, lockVersion, parseReference, readLockfile } from '../../../src/oci/index.ts';
import { originOf } from '../../../src/oci/reference.ts';
import { codeOf, faultOf } from '../faults.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'vmgate-parsers-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const HEX = '3f'.repeat(32);

describe('references', () => {
  test.each([
    ['registry.example.com/team/dev:3', 'registry.example.com', 'team/dev', '3', undefined],
    ['localhost/a', 'localhost', 'a', undefined, undefined],
    ['127.0.0.1:5000/a/b-c__d.e:v1.0_x', '127.0.0.1:5000', 'a/b-c__d.e', 'v1.0_x', undefined],
    ['[::1]:5000/a', '[::1]:5000', 'a', undefined, undefined],
    [`r.example/a:1@sha256:${HEX}`, 'r.example', 'a', '1', `sha256:${HEX}`],
    [`build:5000/a@sha256:${HEX}`, 'build:5000', 'a', undefined, `sha256:${HEX}`],
  ])('%s', (text, registry, repository, tag, digest) => {
    expect(parseReference(text)).toEqual({ registry, repository, tag, digest });
    expect(formatReference(parseReference(text))).toBe(text);
  });

  test.each([
    'team/dev:3',
    'dev',
    '',
    'https://registry.example.com/a:1',
    'registry.example.com',
    'registry.example.com/',
    'registry.example.com/Team/dev',
    'REGISTRY.example.com/a',
    'registry.example.com/a/../b:1',
    'registry.example.com//a',
    'registry.example.com/a:',
    'registry.example.com/a:1:2',
    'registry.example.com:0/a',
    'registry.example.com:05000/a',
    'registry.example.com:65536/a',
    'user@registry.example.com/a',
    'user:pw@registry.example.com/a:1',
    `registry.example.com/a@sha256:${HEX.slice(1)}`,
    `registry.example.com/a@sha256:${HEX.toUpperCase()}`,
    `registry.example.com/a@sha512:${HEX}${HEX}`,
    `registry.example.com/a@sha256:${HEX}@sha256:${HEX}`,
    'registry.example.com/a b',
    'registry.example.com/a\n',
    'registry.example.com/a?x=y',
    'registry.example.com/a#x',
    'registry.example.com\\evil.test/a',
    'registry.example.com/ä',
    '[::2]:5000/a',
    '127.1:5000/a',
    '0x7f.0.0.1/a',
    '010.0.0.1/a',
    'r127.0.0.1/a',
    `registry.example.com/${'a'.repeat(300)}`,
  ])('%j is none', (text) => {
    expect(faultOf(() => parseReference(text)).code).toBe('REGISTRY_REFERENCE_INVALID');
  });

  test('what is read is written the same, and leads to the host that is named', () => {
    const part = fc.stringMatching(/^[a-z0-9]+((\.|_|__|-{1,3})[a-z0-9]+)*$/, { maxLength: 20 });
    const host = fc.oneof(
      fc.domain().map((name) => name.toLowerCase()),
      fc.constantFrom('localhost', '127.0.0.1', '[::1]'),
    );
    const port = fc.option(fc.integer({ min: 1, max: 65_535 }));
    const tag = fc.option(fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,30}$/));
    fc.assert(
      fc.property(host, port, fc.array(part, { minLength: 1, maxLength: 4 }), tag, (name, number, parts, version) => {
        const registry = `${name}${number === null ? '' : `:${number}`}`;
        const text = `${registry}/${parts.join('/')}${version === null ? '' : `:${version}`}`;
        fc.pre(text.length < 250);
        const read = parseReference(text);
        expect(formatReference(read)).toBe(text);
        expect(read).toMatchObject({ registry, repository: parts.join('/') });
        expect(originOf(read).hostname).toBe(name);
      }),
    );
  });

  test('only this machine is spoken to in clear', () => {
    const schemes = ['registry.example.com/a', 'localhost:5000/a', '127.1.2.3/a', '[::1]/a', '127.0.0.1.evil.test/a'];
    expect(schemes.map((text) => originOf(parseReference(text)).protocol)).toEqual([
      'https:',
      'http:',
      'http:',
      'http:',
      'https:',
    ]);
  });
});

describe('challenges', () => {
  const bearer = { scheme: 'bearer', realm: 'https://a/t', service: 's', scope: 'repository:n:pull', error: undefined };
  test.each<[string, unknown[]]>([
    ['Basic realm="x"', [{ scheme: 'basic' }]],
    ['basic', [{ scheme: 'basic' }]],
    ['Bearer realm="https://a/t",service="s",scope="repository:n:pull"', [bearer]],
    ['bearer  realm = "https://a/t" , service=s , scope="repository:n:pull"', [bearer]],
    [
      'Negotiate, Basic realm="a", Bearer realm="https://a/t",service="s",scope="repository:n:pull"',
      [{ scheme: 'basic' }, bearer],
    ],
    ['Bearer realm="a\\"b"', [{ ...bearer, realm: 'a"b', service: undefined, scope: undefined }]],
    ['Bearer realm="a",realm="b"', []],
    ['Bearer service="s"', []],
    ['Bearer realm="a', []],
    ['', []],
    [',,,', []],
    ['\0', []],
  ])('%j', (header, expected) => {
    expect(parseChallenges(header)).toEqual(expected);
  });
});

test.each<[string | undefined, number | undefined]>([
  [undefined, undefined],
  ['5', 5],
  [' 600 ', 600],
  ['-1', undefined],
  ['soon', undefined],
  ['Wed, 04 Mar 2026 00:00:10 GMT', 10],
  ['Wed, 04 Mar 2020 00:00:00 GMT', 0],
])('Retry-After %j', (header, seconds) => {
  expect(retryAfter(header, Date.parse('2026-03-04T00:00:00Z'))).toBe(seconds);
});

test('a hop within TLS, and one below the same place', () => {
  const from = new URL('https://r.example/v2/a');
  expect(nextHop(from, 'https://cdn.example/x?sig=1').href).toBe('https://cdn.example/x?sig=1');
  expect(nextHop(from, '../b').href).toBe('https://r.example/b');
});

describe('docker logins', () => {
  const write = (content: unknown) => {
    const file = path.join(folder, 'config.json');
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
    return file;
  };
  const nobody = () => Promise.reject(new Error('no helper is run'));
  const auth = (text: string) => ({ auth: Buffer.from(text).toString('base64') });
  const saying = (result: Partial<RunResult>) => {
    const asked: unknown[] = [];
    const run = (request: object) => {
      asked.push(request);
      return Promise.resolve({ code: 0, stdout: '', stderr: '', ...result } as RunResult);
    };
    return { run, asked };
  };

  test.each<[unknown, unknown]>([
    [{ auths: { 'r.example': auth('ann:p:w') } }, { username: 'ann', password: 'p:w' }],
    [{ auths: { 'https://r.example/v1/': auth('ann:pw') } }, { username: 'ann', password: 'pw' }],
    [{ auths: { 'r.example.evil.test': auth('ann:pw'), 'evil.test/r.example': auth('ann:pw') } }, undefined],
    [{ auths: { 'r.example:5000': auth('ann:pw') } }, undefined],
    [{ auths: { 'r.example': {} } }, undefined],
    [{}, undefined],
  ])('%j', async (content, login) => {
    expect(await dockerLogin(write(content), 'r.example', nobody)).toEqual(login);
  });

  test('no file is no login', async () => {
    expect(await dockerLogin(path.join(folder, 'none/config.json'), 'r.example', nobody)).toBeUndefined();
  });

  test.each<[string, unknown]>([
    ['no JSON', 'x'],
    ['no password', { auths: { 'r.example': auth('ann') } }],
    ['a helper with a path', { credsStore: '../../tmp/evil' }],
    ['a helper with an option', { credHelpers: { 'r.example': '-x' } }],
    ['a flood', ' '.repeat(1_100_000)],
  ])('%s', async (_, content) => {
    expect(await codeOf(dockerLogin(write(content), 'r.example', nobody))).toBe('REGISTRY_CREDENTIALS_UNREADABLE');
  });

  test('a helper is asked by its name, the host on stdin; the one of this host first', async () => {
    const { run, asked } = saying({ stdout: '{"ServerURL":"r.example","Username":"ann","Secret":"pw"}' });
    const file = write({ credsStore: 'all', credHelpers: { 'r.example': 'own' } });
    expect(await dockerLogin(file, 'r.example', run)).toEqual({ username: 'ann', password: 'pw' });
    await dockerLogin(file, 'other.example', run);
    expect(asked).toMatchObject([
      { tool: 'docker-credential-own', argv: ['get'], stdin: 'r.example' },
      { tool: 'docker-credential-all', argv: ['get'], stdin: 'other.example' },
    ]);
  });

  test('a helper that knows nothing, and ones that misbehave; none of their words is shown', async () => {
    const file = write({ credsStore: 'all' });
    const none = saying({ code: 1, stdout: 'credentials not found in native keychain' });
    expect(await dockerLogin(file, 'r.example', none.run)).toBeUndefined();
    for (const result of [{ code: 2 }, { stdout: 'secret' }, { stdout: '{"Username":"<token>","Secret":"secret"}' }]) {
      const fault = await dockerLogin(file, 'r.example', saying(result).run).catch((cause: unknown) => cause);
      expect(fault).toMatchObject({ code: 'REGISTRY_CREDENTIALS_UNREADABLE' });
      expect(JSON.stringify(fault)).not.toContain('secret');
    }
  });
});

describe('files', () => {
  const judge =
    (...names: readonly string[]) =>
    () =>
      requireFiles(['template.yaml', ...names].map((name) => ({ path: name, bytes: 1 })));

  test.each(['a.sh', 'provision/setup.sh', 'a/.env', 'A+b/c_d-e.f', '_x'])('%s', (name) => {
    expect(judge(name)).not.toThrow();
  });

  test.each([
    ['../x'],
    ['a/../../x'],
    ['./x'],
    ['/etc/passwd'],
    ['C:\\x'],
    ['C:x'],
    ['a\\..\\x'],
    ['a//b'],
    ['a/'],
    [''],
    ['.git/config'],
    ['-rf'],
    ['a b'],
    ['a\nb'],
    ['ä'],
    ['a\0b'],
    ['x'.repeat(201)],
    ['a', 'A'],
    ['a', 'a/b'],
    ['dir/x', 'Dir'],
    ['template.yaml'],
  ])('%j %j', (...names) => {
    expect(faultOf(judge(...names.filter((name) => name !== undefined))).code).toBe('REGISTRY_FILES_REFUSED');
  });

  test('bounds, before a byte is read', () => {
    const file = (name: string, bytes = 1) => ({ path: name, bytes });
    const many = Array.from({ length: 257 }, (_, index) => file(`f${index}`));
    const heavy = Array.from({ length: 17 }, (_, index) => file(`f${index}`, 1_048_576));
    for (const files of [[], many, heavy, [file('template.yaml', 1_048_577)]]) {
      expect(faultOf(() => requireFiles(files)).code).toBe('REGISTRY_FILES_REFUSED');
    }
  });

  test('what is packed is read the same, whatever the order; the same input is the same bytes', () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/);
    const file = fc.record({ path: name, executable: fc.boolean(), content: fc.uint8Array({ maxLength: 50 }) });
    const place = { repository: 'r.example/a', tag: '1' };
    const created = '2026-03-04T00:00:00.000Z';
    fc.assert(
      fc.property(fc.uniqueArray(file, { selector: (each) => each.path, maxLength: 6 }), (some) => {
        const files = [...some, { path: 'template.yaml', executable: false, content: Buffer.from('x') }];
        const packed = packTemplate(files, { version: 1, name: 'a' }, place, created);
        expect(packTemplate(files.toReversed(), { version: 1, name: 'a' }, place, created).digest).toBe(packed.digest);
        const read = readTemplateManifest(packed.manifest, 'r.example/a:1');
        expect(read).toMatchObject({ place, created });
        expect(read.files.map((each) => each.path)).toEqual(
          files.map((each) => each.path).toSorted((a, b) => (a < b ? -1 : 1)),
        );
        for (const { path: each, executable, blob } of read.files) {
          const content = packed.blobs.get(blob.digest)?.content ?? Buffer.alloc(0);
          expect(files.find((one) => one.path === each)).toMatchObject({ executable });
          expect(Buffer.from(content)).toEqual(Buffer.from(files.find((one) => one.path === each)?.content ?? []));
        }
      }),
    );
  });
});

describe('vmgate.lock', () => {
  let file: string;
  beforeAll(() => {
    file = path.join(folder, 'vmgate.lock');
  });
  const entry = { digest: `sha256:${HEX}`, signer: `SHA256:${'a'.repeat(43)}`, created: '2026-03-04T00:00:00.000Z' };
  const reference = parseReference('r.example/a:1');

  test('what is locked is found, by the reference without its digest', async () => {
    expect(lockedVersion(await readLockfile(file), reference)).toBeUndefined();
    await lockVersion(file, { ...reference, digest: entry.digest }, entry);
    await lockVersion(file, parseReference('r.example/b:1'), entry);
    const lock = await readLockfile(file);
    expect(lockedVersion(lock, reference)).toEqual(entry);
    expect(Object.keys(lock.templates)).toEqual(['r.example/a:1', 'r.example/b:1']);
  });

  test.each([
    ['no JSON', '{'],
    ['a newer version', '{"version":2,"templates":{}}'],
    ['an unknown member', '{"version":1,"templates":{},"x":1}'],
    ['another algorithm', JSON.stringify({ version: 1, templates: { a: { ...entry, digest: 'md5:1' } } })],
    ['a flood', ' '.repeat(1_100_000)],
  ])('edited by hand: %s', async (_, text) => {
    writeFileSync(file, text);
    expect(await codeOf(readLockfile(file))).toBe('REGISTRY_LOCK_DAMAGED');
  });

  test('a device or a pipe in its place is refused, not read to its end', async () => {
    for (const put of [() => execFileSync('mkfifo', [file]), () => symlinkSync('/dev/zero', file)]) {
      rmSync(file, { force: true });
      put();
      expect(await codeOf(readLockfile(file))).toBe('REGISTRY_LOCK_DAMAGED');
    }
    rmSync(file);
  });
});
