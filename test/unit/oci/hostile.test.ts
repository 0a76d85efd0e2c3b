/** Registries that lie: each lie has its own code, and what it would have given without the defence is shown beside it. */
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { CodedEvent } from '../../../src/core/coded.ts';
import { sha256 } from '../../../src/host/index.ts';
import { type FetchOptions, fetchTemplate } from '../../../src/oci/index.ts';
import { MAX_MANIFEST_BYTES } from '../../../src/oci/manifest.ts';
import { codeOf } from '../faults.ts';
import { makeAuthority } from '../verify/certificates.ts';
import { attach, FILES, type Lie, publish, StandRegistry, TestSigner } from './stand.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'vmgate-hostile-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const lead = new TestSigner();
const PACE = { answerMs: 1_000, windowMs: 1_000, windowBytes: 1_024 };
let registry: StandRegistry;
let digest: string;
let events: CodedEvent[];

beforeEach(async () => {
  registry = await StandRegistry.start();
  digest = publish(registry, '3');
  attach(registry, digest, lead.sign(digest));
  events = [];
});
afterEach(() => registry.stop());

const loginFor = (...hosts: readonly string[]) => {
  const file = path.join(folder, `docker-${hosts.join('-')}.json`);
  const auth = Buffer.from('ann:secret').toString('base64');
  writeFileSync(file, JSON.stringify({ auths: Object.fromEntries(hosts.map((host) => [host, { auth }])) }));
  return file;
};
const options = (more: Partial<FetchOptions> = {}): FetchOptions => ({
  store: mkdtempSync(path.join(folder, 'store-')),
  dockerConfig: path.join(folder, 'none.json'),
  backoffMs: 1,
  pace: PACE,
  progress: (event) => events.push(event),
  ...more,
});
const pull = (more: Partial<FetchOptions> = {}, reference = `${registry.host}/team/dev:3`) =>
  fetchTemplate(reference, lead.trustedFor(`${registry.host}/team/*`), options(more));

/** Only requests whose URL holds `part` are lied to. */
const about =
  (part: string, lie: Lie): Lie =>
  (request, response, url) =>
    url.includes(part) && lie(request, response, url);
const blobOf = (name: string) => sha256(FILES.find((file) => file.path === name)?.content ?? '');

test('told the truth, it pulls: what is refused below is refused for the lie', async () => {
  const pulled = await pull();
  expect(pulled.files).toEqual(FILES.map((file) => ({ ...file, content: Buffer.from(file.content) })));
  expect(pulled).toMatchObject({ digest, signer: { fingerprint: lead.fingerprint }, isCached: false });
});

describe('bytes', () => {
  test('another manifest under the digest that was asked for', async () => {
    const other = registry.manifests.get(digest)?.bytes.toString().replace('setup.sh', 'setup.zz') ?? '';
    registry.lie = about('manifests/sha256:', (_, response) => {
      response.end(other);
      return true;
    });
    const pinned = `${registry.host}/team/dev@${digest}`;
    expect(await codeOf(pull({}, pinned))).toBe('REGISTRY_DIGEST_MISMATCH');
  });

  test('a header that says another digest is nobody’s word', async () => {
    registry.lie = about('manifests/3', (_, response) => {
      response.setHeader('docker-content-digest', `sha256:${'0'.repeat(64)}`);
      return false;
    });
    expect((await pull()).digest).toBe(digest);
  });

  test('a blob of the right length with other bytes: none of it is kept', async () => {
    registry.blobs.set(blobOf('setup.sh'), Buffer.alloc(200_000, 'x'));
    const store = mkdtempSync(path.join(folder, 'store-'));
    expect(await codeOf(pull({ store }))).toBe('REGISTRY_DIGEST_MISMATCH');
    expect(readdirSync(path.join(store, 'partial')).filter((name) => name !== 'lock')).toEqual([]);
    expect(readdirSync(path.join(store, 'blobs/sha256'))).not.toContain(blobOf('setup.sh').slice(7));
  });

  test.each([
    ['longer, and says so', { 'content-length': '300000' }],
    ['longer, without saying so', {}],
    ['shorter, and says so', { 'content-length': '1000' }],
  ])('a blob that is %s', async (_, headers: Record<string, string>) => {
    registry.lie = about(blobOf('setup.sh'), (_request, response) => {
      response.writeHead(200, headers).end(Buffer.alloc(Number(headers['content-length'] ?? 300_000)));
      return true;
    });
    expect(await codeOf(pull())).toBe('REGISTRY_SIZE_MISMATCH');
  });

  test('anti-test: endless bytes are stopped at the size that was promised', async () => {
    let sent = 0;
    registry.lie = about(blobOf('setup.sh'), (_request, response) => {
      const pour = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536))) sent += 65_536;
      };
      response.on('drain', pour);
      pour();
      return true;
    });
    expect(await codeOf(pull())).toBe('REGISTRY_SIZE_MISMATCH');
    expect(sent).toBeLessThan(16_777_216);
  });

  test('a packed body is not unpacked: its bytes are not those of the digest', async () => {
    registry.lie = about(blobOf('setup.sh'), (request, response) => {
      expect(request.headers['accept-encoding']).toBe('identity');
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': '200000' }).end(Buffer.alloc(200_000));
      return true;
    });
    expect(await codeOf(pull())).toBe('REGISTRY_DIGEST_MISMATCH');
  });
});

describe('too much', () => {
  test.each([
    ['that says its length', true],
    ['that does not', false],
  ])('a huge manifest %s', async (_, saying) => {
    registry.lie = about('manifests/3', (_request, response) => {
      response.writeHead(200, saying ? { 'content-length': String(MAX_MANIFEST_BYTES + 1) } : {});
      response.end(Buffer.alloc(saying ? 16 : MAX_MANIFEST_BYTES + 1));
      return true;
    });
    expect(await codeOf(pull())).toBe('REGISTRY_TOO_LARGE');
  });

  test('files larger than any template’s are not asked for', async () => {
    const bytes = registry.manifests.get('3')?.bytes.toString().replace('"size":200000', '"size":2000000') ?? '';
    const changed = registry.keep(Buffer.from(bytes), '3');
    attach(registry, changed, lead.sign(changed));
    expect(await codeOf(pull())).toBe('REGISTRY_FILES_REFUSED');
    expect(registry.seen.filter(({ url }) => url.includes(blobOf('setup.sh')))).toEqual([]);
  });

  test('headers without end', async () => {
    registry.lie = about('manifests/3', (_request, response) => {
      response.writeHead(200, { 'x-long': 'a'.repeat(40_000) }).end();
      return true;
    });
    expect(await codeOf(pull())).toBe('REGISTRY_UNREACHABLE');
  });
});

describe('time', () => {
  test('no answer at all', async () => {
    registry.lie = about('manifests/3', () => true);
    expect(await codeOf(pull())).toBe('REGISTRY_TOO_SLOW');
  });

  test('a body by the byte', async () => {
    registry.lie = about(blobOf('setup.sh'), (_request, response) => {
      response.writeHead(200, { 'content-length': '200000' });
      const drip = setInterval(() => response.write('x'), 50);
      response.on('close', () => clearInterval(drip));
      return true;
    });
    expect(await codeOf(pull())).toBe('REGISTRY_TOO_SLOW');
  });

  test('anti-test: a slow one that moves is waited for', async () => {
    registry.lie = about(blobOf('setup.sh'), (_request, response) => {
      const content = registry.blobs.get(blobOf('setup.sh')) ?? Buffer.alloc(0);
      response.writeHead(200, { 'content-length': String(content.length) });
      let at = 0;
      const pour = setInterval(() => {
        response.write(content.subarray(at, at + 20_000));
        at += 20_000;
        if (at < content.length) return;
        clearInterval(pour);
        response.end();
      }, 100);
      return true;
    });
    expect((await pull()).digest).toBe(digest);
  });
});

describe('trouble that passes', () => {
  test.each([429, 500, 502, 503, 504])('%i is tried again', async (status) => {
    let left = 2;
    registry.lie = about('manifests/3', (_request, response) => {
      if (left-- <= 0) return false;
      response.writeHead(status, { 'content-length': '0' }).end();
      return true;
    });
    expect((await pull()).digest).toBe(digest);
    expect(events.filter(({ code }) => code === 'REGISTRY_RETRY')).toHaveLength(2);
  });

  test('but not for ever', async () => {
    registry.lie = (_request, response) => {
      response.writeHead(503, { 'content-length': '0' }).end();
      return true;
    };
    expect(await codeOf(pull())).toBe('REGISTRY_BUSY');
    expect(registry.seen).toHaveLength(4);
  });

  test('whoever asks for more patience than there is, is told of and not waited for', async () => {
    registry.lie = (_request, response) => {
      response.writeHead(429, { 'retry-after': '600', 'content-length': '0' }).end();
      return true;
    };
    const fault = await pull().catch((cause: unknown) => cause);
    expect(fault).toMatchObject({ code: 'REGISTRY_BUSY', remedy: expect.stringContaining('600 s') });
    expect(registry.seen).toHaveLength(1);
  });

  test('a blob that breaks off goes on where it broke', async () => {
    const content = registry.blobs.get(blobOf('setup.sh')) ?? Buffer.alloc(0);
    let left = 2;
    registry.lie = about(blobOf('setup.sh'), (request, response) => {
      if (left-- <= 0) return false;
      const from = Number(/\d+/.exec(request.headers.range ?? '0')?.[0] ?? 0);
      response.writeHead(from > 0 ? 206 : 200, {
        'content-length': String(content.length - from),
        ...(from > 0 ? { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` } : {}),
      });
      response.write(content.subarray(from, from + 50_000), () => response.destroy());
      return true;
    });
    expect((await pull()).digest).toBe(digest);
    const ranges = registry.seen.filter(({ url }) => url.includes(blobOf('setup.sh'))).map(({ range }) => range);
    expect(ranges).toEqual([undefined, 'bytes=50000-', 'bytes=100000-']);
  });

  test('one that never comes to its end is given up, and what came is used the next time', async () => {
    const content = registry.blobs.get(blobOf('setup.sh')) ?? Buffer.alloc(0);
    const store = mkdtempSync(path.join(folder, 'store-'));
    registry.lie = about(blobOf('setup.sh'), (request, response) => {
      response.writeHead(request.headers.range === undefined ? 200 : 206, {
        'content-range': `bytes 50000-${content.length - 1}/${content.length}`,
      });
      if (request.headers.range === undefined) response.write(content.subarray(0, 50_000), () => response.destroy());
      else response.destroy();
      return true;
    });
    expect(await codeOf(pull({ store }))).toMatch(/^REGISTRY_(TRUNCATED|UNREACHABLE)$/);
    const partial = path.join(store, 'partial', blobOf('setup.sh').slice(7));
    expect(statSync(partial).size).toBe(50_000);
    registry.lie = () => undefined;
    registry.seen.length = 0;
    expect((await pull({ store })).digest).toBe(digest);
    expect(registry.seen.find(({ url }) => url.includes(blobOf('setup.sh')))?.range).toBe('bytes=50000-');
  });

  test('one that comes by the byte, each on a line of its own, is given up as well', async () => {
    const content = registry.blobs.get(blobOf('setup.sh')) ?? Buffer.alloc(0);
    registry.lie = about(blobOf('setup.sh'), (request, response) => {
      const from = Number(/\d+/.exec(request.headers.range ?? '0')?.[0] ?? 0);
      const range = `bytes ${from}-${content.length - 1}/${content.length}`;
      response.writeHead(from > 0 ? 206 : 200, { 'content-range': range });
      response.write(content.subarray(from, from + 1), () => response.destroy());
      return true;
    });
    expect(await codeOf(pull())).toBe('REGISTRY_TRUNCATED');
    expect(registry.seen.filter(({ url }) => url.includes(blobOf('setup.sh'))).length).toBeLessThan(10);
  }, 20_000);

  test('and one whose part is gone each time it is asked for', async () => {
    const content = registry.blobs.get(blobOf('setup.sh')) ?? Buffer.alloc(0);
    registry.lie = about(blobOf('setup.sh'), (request, response) => {
      if (request.headers.range === undefined) {
        response.writeHead(200, { 'content-length': String(content.length) });
        response.write(content.subarray(0, 50_000), () => response.destroy());
      } else response.writeHead(416).end();
      return true;
    });
    expect(await codeOf(pull())).toBe('REGISTRY_TRUNCATED');
    expect(registry.seen.filter(({ url }) => url.includes(blobOf('setup.sh'))).length).toBeLessThan(10);
  }, 20_000);

  test('a partial blob that somebody wrote over is not sewn on to', async () => {
    const store = mkdtempSync(path.join(folder, 'store-'));
    await pull({ store }, `${registry.host}/team/dev:3`);
    const name = blobOf('setup.sh').slice(7);
    rmSync(path.join(store, 'blobs/sha256', name));
    writeFileSync(path.join(store, 'partial', name), Buffer.alloc(60_000, 'evil'));
    expect((await pull({ store })).files[0]?.content).toEqual(FILES[0]?.content);
  });

  test('a part of another place is refused', async () => {
    const store = mkdtempSync(path.join(folder, 'store-'));
    await pull({ store });
    const name = blobOf('setup.sh').slice(7);
    rmSync(path.join(store, 'blobs/sha256', name));
    writeFileSync(path.join(store, 'partial', name), (FILES[0]?.content ?? Buffer.alloc(0)).subarray(0, 1_000));
    registry.lie = about(blobOf('setup.sh'), (_request, response) => {
      response.writeHead(206, { 'content-range': 'bytes 7-199999/200000', 'content-length': '199000' });
      response.end(Buffer.alloc(199_000));
      return true;
    });
    expect(await codeOf(pull({ store }))).toBe('REGISTRY_ANSWER_UNEXPECTED');
  });
});

describe('where a login goes', () => {
  let trap: StandRegistry;
  beforeEach(async () => {
    trap = await StandRegistry.start();
    for (const [key, blob] of registry.blobs) trap.blobs.set(key, blob);
  });
  afterEach(() => trap.stop());

  /** Basic, from the first request on. */
  const closed: Lie = (request, response) => {
    if (request.headers.authorization !== undefined) return false;
    response.writeHead(401, { 'www-authenticate': 'Basic realm="r"', 'content-length': '0' }).end();
    return true;
  };
  const both =
    (first: Lie, second: Lie): Lie =>
    (request, response, url) =>
      first(request, response, url) === true || second(request, response, url);
  const toTrap = about('/blobs/', (_request, response, url) => {
    response.writeHead(307, { location: `http://${trap.host}${url}`, 'content-length': '0' }).end();
    return true;
  });

  test('a blob is fetched where the registry says, without the login', async () => {
    registry.lie = both(closed, toTrap);
    expect((await pull({ dockerConfig: loginFor(registry.host) })).digest).toBe(digest);
    expect(trap.seen.length).toBeGreaterThan(0);
    expect(trap.seen.filter(({ authorization }) => authorization !== undefined)).toEqual([]);
    // The positive control: the registry itself got it.
    expect(registry.seen.some(({ authorization }) => authorization?.startsWith('Basic ') === true)).toBe(true);
  });

  test('nor does it come back on a detour: the way led elsewhere', async () => {
    registry.lie = both(
      closed,
      about('/blobs/', (request, response, url) => {
        if (request.headers['x-detour'] !== undefined || url.includes('detour')) return false;
        response.writeHead(307, { location: `http://${trap.host}${url}`, 'content-length': '0' }).end();
        return true;
      }),
    );
    trap.lie = (_request, response, url) => {
      response.writeHead(307, { location: `http://${registry.host}/detour${url}`, 'content-length': '0' }).end();
      return true;
    };
    await pull({ dockerConfig: loginFor(registry.host) }).catch(() => {});
    const detours = registry.seen.filter(({ url }) => url.startsWith('/detour'));
    expect(detours.length).toBeGreaterThan(0);
    expect(detours.filter(({ authorization }) => authorization !== undefined)).toEqual([]);
  });

  test('the other host’s 401 gets no answer', async () => {
    registry.lie = both(closed, toTrap);
    trap.lie = (_request, response) => {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="trap"', 'content-length': '0' }).end();
      return true;
    };
    const dockerConfig = loginFor(registry.host, trap.host);
    expect(await codeOf(pull({ dockerConfig }))).toBe('REGISTRY_LOGIN_REFUSED');
    expect(trap.seen.every(({ authorization }) => authorization === undefined)).toBe(true);
  });

  test('a login for a host whose name only begins alike is not taken', async () => {
    registry.lie = closed;
    const dockerConfig = loginFor(`${registry.host}.attacker.test`, `x${registry.host}`, '127.0.0.1');
    expect(await codeOf(pull({ dockerConfig }))).toBe('REGISTRY_LOGIN_REFUSED');
    expect(registry.seen.every(({ authorization }) => authorization === undefined)).toBe(true);
  });

  const bearer =
    (realm: string): Lie =>
    (request, response) => {
      if (request.headers.authorization === 'Bearer good') return false;
      const header = `Bearer realm="${realm}",service="s",scope="repository:other/secret:pull,push"`;
      response.writeHead(401, { 'www-authenticate': header, 'content-length': '0' }).end();
      return true;
    };
  const tokens: Lie = (_request, response) => {
    response.end('{"token":"good","expires_in":60}');
    return true;
  };

  test('a token server on another host gets it only when it was named', async () => {
    registry.lie = bearer(`http://localhost:${trap.port}/token`);
    trap.lie = tokens;
    const dockerConfig = loginFor(registry.host);
    expect(await codeOf(pull({ dockerConfig }))).toBe('REGISTRY_TOKEN_HOST_FOREIGN');
    expect(trap.seen).toEqual([]);
    await pull({ dockerConfig, tokenHost: `localhost:${trap.port}` });
    expect(trap.seen[0]?.authorization).toMatch(/^Basic /);
  });

  test('the scope that is asked for is vmgate’s own, never the registry’s wish', async () => {
    registry.lie = bearer(`http://${trap.host}/token`);
    trap.lie = tokens;
    await pull();
    expect(trap.seen.map(({ url }) => new URL(url, 'http://t').searchParams.get('scope'))).toEqual([
      'repository:team/dev:pull',
    ]);
    expect(trap.seen[0]?.authorization).toBeUndefined();
  });

  test.each([
    ['in clear to somebody else', 'http://login.example.com/token'],
    ['with a password', 'https://a:b@login.example.com/token'],
    ['of another scheme', 'file:///etc/passwd'],
    ['that is none', 'nonsense'],
  ])('a token server %s', async (_, realm) => {
    registry.lie = bearer(realm);
    expect(await codeOf(pull({ dockerConfig: loginFor(registry.host) }))).toBe('REGISTRY_CHALLENGE_UNUSABLE');
  });

  test.each(['Negotiate abc', '', 'Bearer', `Bearer realm="${'x'.repeat(5_000)}"`])('challenge %#', async (header) => {
    registry.lie = (_request, response) => {
      response.writeHead(401, { 'www-authenticate': header, 'content-length': '0' }).end();
      return true;
    };
    expect(await codeOf(pull())).toBe('REGISTRY_CHALLENGE_UNUSABLE');
  });

  test.each([
    ['a redirect', (response: import('node:http').ServerResponse) => response.writeHead(302, { location: '/x' }).end()],
    ['no token', (response: import('node:http').ServerResponse) => response.end('{}')],
    ['a header in it', (response: import('node:http').ServerResponse) => response.end('{"token":"a\\r\\nx: y"}')],
    ['a flood', (response: import('node:http').ServerResponse) => response.end(Buffer.alloc(200_000, '1'))],
  ])('a token server that answers with %s', async (_, answer) => {
    registry.lie = bearer(`http://${trap.host}/token`);
    trap.lie = (_request, response) => {
      answer(response);
      return true;
    };
    expect(await codeOf(pull())).toMatch(/^REGISTRY_(CHALLENGE_UNUSABLE|TOO_LARGE)$/);
  });

  test('a registry that takes no login is asked twice, not for ever', async () => {
    registry.lie = bearer(`http://${trap.host}/token`);
    trap.lie = (_request, response) => {
      response.end('{"token":"other"}');
      return true;
    };
    expect(await codeOf(pull())).toBe('REGISTRY_LOGIN_REFUSED');
    expect(registry.seen).toHaveLength(2);
  });
});

describe('redirects', () => {
  const sendTo = (location: string | undefined) => {
    registry.lie = (_request, response) => {
      response.writeHead(302, location === undefined ? {} : { location }).end();
      return true;
    };
  };

  test.each([
    ['in clear to another host', 'http://registry.example.com/'],
    ['to a file', 'file:///etc/passwd'],
    ['with a password', 'http://a:b@127.0.0.1/'],
    ['that is none', 'http://['],
    ['to nowhere', undefined],
    ['round and round', '/v2/team/dev/manifests/3'],
  ])('%s', async (_, location) => {
    sendTo(location);
    expect(await codeOf(pull())).toBe('REGISTRY_REDIRECT_REFUSED');
    expect(registry.seen.length).toBeLessThan(8);
  });

  test('out of TLS, even to this machine', async () => {
    const issuer = makeAuthority('team');
    const { key, certificate: cert } = issuer.issue('registry.test');
    const authority = issuer.certificate;
    const secure = await StandRegistry.start({ key, cert });
    try {
      const reference = `registry.test:${secure.port}/team/dev:3`;
      const place = `registry.test:${secure.port}/team/dev`;
      const signed = publish(secure, '3', { place });
      attach(secure, signed, lead.sign(signed));
      const lookup = (_name: string, asked: { all?: boolean }, done: (...answer: never[]) => void) =>
        asked.all === true
          ? (done as (cause: null, all: object[]) => void)(null, [{ address: '127.0.0.1', family: 4 }])
          : (done as (cause: null, address: string, family: number) => void)(null, '127.0.0.1', 4);
      const trust = lead.trustedFor(place);
      const known = options({ authority, lookup: lookup as never });
      expect((await fetchTemplate(reference, trust, known)).digest).toBe(signed);
      // The certificate counts: without its authority there is no word with it.
      const unknown = options({ lookup: lookup as never });
      expect(await codeOf(fetchTemplate(reference, trust, unknown))).toBe('REGISTRY_CERTIFICATE_REFUSED');
      secure.lie = about('/blobs/', (_request, response, url) => {
        response.writeHead(307, { location: `http://${registry.host}${url}` }).end();
        return true;
      });
      const store = mkdtempSync(path.join(folder, 'store-'));
      const again = options({ authority, lookup: lookup as never, store });
      expect(await codeOf(fetchTemplate(reference, trust, again))).toBe('REGISTRY_REDIRECT_REFUSED');
      expect(registry.seen).toEqual([]);
    } finally {
      await secure.stop();
    }
  });
});
