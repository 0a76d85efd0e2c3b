/** What counts as a good signature, and what of the rest each error says; the store, the lock, no network. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { sha256 } from '../../../src/host/index.ts';
import { type FetchOptions, fetchTemplate, importLayout } from '../../../src/oci/index.ts';
import { MANIFEST_TYPE, writeIndex } from '../../../src/oci/manifest.ts';
import { signatureArtifact } from '../../../src/oci/signatures.ts';
import { LAYOUT } from '../../../src/oci/store.ts';
import { type TrustPolicy, verifyMessage } from '../../../src/trust/index.ts';
import { codeOf } from '../faults.ts';
import { attach, CREATED, FILES, publish, StandRegistry, TestSigner } from './stand.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'vmgate-verified-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const lead = new TestSigner();
const stranger = new TestSigner();
let registry: StandRegistry;
let digest: string;
let store: string;

beforeEach(async () => {
  registry = await StandRegistry.start();
  digest = publish(registry, '3');
  store = mkdtempSync(path.join(folder, 'store-'));
});
afterEach(() => registry.stop().catch(() => {}));

const team = () => lead.trustedFor(`${registry.host}/team/*`);
const pull = (more: Partial<FetchOptions> = {}, trust: TrustPolicy = team(), version = ':3') =>
  fetchTemplate(`${registry.host}/team/dev${version}`, trust, {
    store,
    dockerConfig: path.join(folder, 'none.json'),
    backoffMs: 1,
    ...more,
  });
const asked = (part: string) => registry.seen.filter(({ url }) => url.includes(part));
const inStore = () => readdirSync(path.join(store, 'blobs/sha256'));

describe('signatures', () => {
  test('none: nothing but the manifest was asked for, and nothing is kept', async () => {
    expect(await codeOf(pull())).toBe('TRUST_TEMPLATE_UNSIGNED');
    expect(asked('/blobs/')).toEqual([]);
    expect(() => inStore()).toThrow('ENOENT');
  });

  test.each([
    ['over another digest', () => lead.sign(`sha256:${'0'.repeat(64)}`)],
    ['for another purpose', () => lead.sign(digest, 'vmgate-receipt')],
    ['that is garbage', () => 'garbage'],
    ['that is cut', () => lead.sign(digest).slice(0, 120)],
  ])('one %s: the files are not asked for', async (_, make) => {
    attach(registry, digest, make());
    expect(await codeOf(pull())).toBe('TRUST_TEMPLATE_SIGNATURE_BAD');
    for (const { content } of FILES) expect(inStore()).not.toContain(content);
    expect(inStore()).toHaveLength(1);
  });

  test('a good one by a stranger: who it is, and how to let them', async () => {
    attach(registry, digest, stranger.sign(digest));
    const fault = await pull().catch((cause: unknown) => cause);
    expect(fault).toMatchObject({
      code: 'TRUST_SIGNER_NOT_ALLOWED',
      exit: 6,
      payload: { signer: stranger.fingerprint },
      remedy: expect.stringContaining(`--signer ${stranger.fingerprint}`),
    });
  });

  test('a good one by somebody who may sign for another repository only', async () => {
    attach(registry, digest, lead.sign(digest));
    const fault = await pull({}, lead.trustedFor(`${registry.host}/lab/*`)).catch((cause: unknown) => cause);
    expect(fault).toMatchObject({
      code: 'TRUST_SIGNER_NOT_ALLOWED',
      evidence: [`${lead.fingerprint} may sign for ${registry.host}/lab/* only`],
    });
  });

  test('a key’s name in the list is no key: another one under the same name stays a stranger', async () => {
    attach(registry, digest, stranger.sign(digest));
    const { signers } = team();
    const forged = signers.map((signer) => ({ ...signer, fingerprint: stranger.fingerprint }));
    expect(await codeOf(pull({}, { signers: forged }))).toBe('TRUST_SIGNER_NOT_ALLOWED');
  });

  test('a good one among garbage and strangers is enough', async () => {
    attach(
      registry,
      digest,
      'garbage',
      stranger.sign(digest),
      lead.sign(`sha256:${'0'.repeat(64)}`),
      lead.sign(digest),
    );
    expect((await pull()).signer).toMatchObject({ fingerprint: lead.fingerprint, isKnown: true });
  });

  test('the fingerprint that a person was told of is enough too, and only that', async () => {
    attach(registry, digest, stranger.sign(digest));
    const nobody = { signers: [] };
    expect((await pull({}, { ...nobody, expected: stranger.fingerprint })).signer.isKnown).toBe(false);
    expect(await codeOf(pull({}, { ...nobody, expected: lead.fingerprint }))).toBe('TRUST_SIGNER_NOT_ALLOWED');
  });

  test('a signature that names another subject is not one on this', async () => {
    const other = publish(registry, '4');
    attach(registry, other, lead.sign(digest));
    const index = registry.manifests.get(other.replace(':', '-'));
    if (index !== undefined) registry.keep(index.bytes, digest.replace(':', '-'), index.type);
    expect(await codeOf(pull())).toBe('TRUST_TEMPLATE_UNSIGNED');
  });
});

describe('a rightly signed template at the wrong place', () => {
  test.each([
    ['made for another repository', { place: 'registry.example.com/team/dev' }],
    ['made for another tag', { placeTag: '2' }],
  ])('%s', async (_, more) => {
    const wrong = publish(registry, '3', more);
    attach(registry, wrong, lead.sign(wrong));
    expect(await codeOf(pull())).toBe('TRUST_OTHER_PLACE');
  });

  test('older than what was taken', async () => {
    const old = publish(registry, '3', { created: '2026-01-02T00:00:00.000Z' });
    attach(registry, old, lead.sign(old));
    const locked = { digest, created: CREATED };
    expect(await codeOf(pull({ locked, lock: 'update' }))).toBe('TRUST_TEMPLATE_DOWNGRADE');
    // Anti-test: nothing else is wrong with it.
    expect((await pull({ lock: 'update' })).digest).toBe(old);
  });

  test('newer is an update', async () => {
    const next = publish(registry, '3', { created: '2026-05-06T00:00:00.000Z' });
    attach(registry, next, lead.sign(next));
    expect((await pull({ locked: { digest, created: CREATED }, lock: 'update' })).digest).toBe(next);
  });
});

describe('the lock', () => {
  beforeEach(() => attach(registry, digest, lead.sign(digest)));

  test('a tag that moved changes nothing until an update is asked for', async () => {
    const next = publish(registry, '3', { created: '2026-05-06T00:00:00.000Z' });
    attach(registry, next, lead.sign(next));
    const locked = { digest, created: CREATED };
    expect((await pull({ locked })).digest).toBe(digest);
    expect((await pull({ locked, lock: 'require' })).digest).toBe(digest);
    expect(asked('manifests/3')).toEqual([]);
  });

  test('another digest than the locked one, or none locked where one must be', async () => {
    const locked = { digest: `sha256:${'0'.repeat(64)}`, created: CREATED };
    expect(await codeOf(pull({ locked }, team(), `:3@${digest}`))).toBe('REGISTRY_LOCK_DRIFT');
    expect(await codeOf(pull({ lock: 'require' }))).toBe('REGISTRY_LOCK_DRIFT');
    expect(registry.seen).toEqual([]);
  });
});

describe('what is here already', () => {
  beforeEach(async () => {
    attach(registry, digest, lead.sign(digest));
    await pull();
  });
  const pinned = () => pull({}, team(), `@${digest}`);
  const blob = (content: Uint8Array) =>
    inStore().find((name) => readFileSync(path.join(store, 'blobs/sha256', name)).equals(content)) ?? '';

  test('needs no network: the registry is gone', async () => {
    await registry.stop();
    expect(await pinned()).toMatchObject({ digest, isCached: true, signer: { fingerprint: lead.fingerprint } });
    const locked = { digest, created: CREATED };
    expect((await pull({ locked })).isCached).toBe(true);
    // Anti-test: what is not pinned does need it.
    expect(await codeOf(pull())).toBe('REGISTRY_UNREACHABLE');
  });

  test('is asked of nobody', async () => {
    registry.seen.length = 0;
    await pinned();
    expect(registry.seen).toEqual([]);
  });

  test('is judged anew: a signer who is trusted no more', async () => {
    await registry.stop();
    const fault = codeOf(pull({}, { signers: [] }, `@${digest}`));
    expect(await fault).toBe('TRUST_SIGNER_NOT_ALLOWED');
  });

  test('a blob that was changed on the disk is fetched again, or missed', async () => {
    const name = blob(FILES[1]?.content ?? Buffer.alloc(0));
    writeFileSync(path.join(store, 'blobs/sha256', name), 'version: 2\n');
    expect((await pinned()).files[1]?.content).toEqual(FILES[1]?.content);
    writeFileSync(path.join(store, 'blobs/sha256', name), 'version: 2\n');
    await registry.stop();
    expect(await codeOf(pinned())).toBe('REGISTRY_UNREACHABLE');
  });

  test('a signature that was changed on the disk is none', async () => {
    const file = path.join(store, 'signatures', digest.slice(7));
    const [name = ''] = readdirSync(file);
    writeFileSync(path.join(file, name), stranger.sign(digest));
    await registry.stop();
    expect(await codeOf(pinned())).toBe('TRUST_SIGNER_NOT_ALLOWED');
  });

  test('is not hidden by signatures that come in a folder, however many', async () => {
    const size = registry.manifests.get(digest)?.bytes.length ?? 0;
    const layout = mkdtempSync(path.join(folder, 'layout-'));
    mkdirSync(path.join(layout, 'blobs/sha256'), { recursive: true });
    const put = (bytes: Buffer) => writeFileSync(path.join(layout, 'blobs/sha256', sha256(bytes).slice(7)), bytes);
    const listed = Array.from({ length: 200 }, (_, index) => {
      const subject = { mediaType: MANIFEST_TYPE, digest, size };
      const { bytes, content, descriptor } = signatureArtifact(subject, `garbage ${index}`);
      for (const each of [bytes, content]) put(each);
      return descriptor;
    });
    writeFileSync(path.join(layout, 'oci-layout'), LAYOUT);
    writeFileSync(path.join(layout, 'index.json'), writeIndex(listed));
    expect(await codeOf(importLayout(layout, store))).toBe('REGISTRY_LAYOUT_INVALID');
    expect((await pull({ isOffline: true, locked: { digest, created: CREATED } })).digest).toBe(digest);
  });

  test('the kept signature is one for stock tools too', () => {
    const file = path.join(store, 'signatures', digest.slice(7));
    const [name = ''] = readdirSync(file);
    const armored = readFileSync(path.join(file, name), 'utf8');
    const expected = { namespace: 'vmgate-template', signers: [lead.blob] };
    expect(verifyMessage(`${digest}\n`, armored, expected).ok).toBe(true);
  });
});

describe('two that pull at once', () => {
  test('both get the whole', async () => {
    attach(registry, digest, lead.sign(digest));
    const all = await Promise.all([pull(), pull(), pull()]);
    for (const each of all) expect(each.files).toEqual(all[0]?.files);
    expect(readdirSync(path.join(store, 'partial'))).toEqual(['lock']);
  });
});

describe('manifests that are no template', () => {
  const tampered = (change: (manifest: Record<string, unknown>) => void) => {
    const manifest = JSON.parse(registry.manifests.get('3')?.bytes.toString() ?? '') as Record<string, unknown>;
    change(manifest);
    const changed = registry.keep(Buffer.from(JSON.stringify(manifest)), '3');
    attach(registry, changed, lead.sign(changed));
  };
  interface Layer {
    annotations: Record<string, string>;
    digest: string;
    mediaType: string;
  }
  const first = (m: Record<string, unknown>, change: (layer: Layer) => void) => {
    for (const layer of (m['layers'] as Layer[]).slice(0, 1)) change(layer);
  };
  const title = 'org.opencontainers.image.title';

  test.each<[string, (manifest: Record<string, unknown>) => void, string]>([
    [
      'of another type',
      (m) => {
        m['artifactType'] = 'application/vnd.example';
      },
      'REGISTRY_MANIFEST_INVALID',
    ],
    [
      'an image',
      (m) => {
        delete m['artifactType'];
      },
      'REGISTRY_MANIFEST_INVALID',
    ],
    [
      'of another media type',
      (m) => {
        m['mediaType'] = 'application/json';
      },
      'REGISTRY_MANIFEST_INVALID',
    ],
    [
      'a digest of another algorithm',
      (m) =>
        first(m, (layer) => {
          layer.digest = `sha512:${'0'.repeat(128)}`;
        }),
      'REGISTRY_MANIFEST_INVALID',
    ],
    [
      'without a date',
      (m) => {
        delete (m['annotations'] as Record<string, unknown>)['org.opencontainers.image.created'];
      },
      'REGISTRY_MANIFEST_INVALID',
    ],
    [
      'a layer without a title',
      (m) =>
        first(m, (layer) => {
          layer.annotations = {};
        }),
      'REGISTRY_MANIFEST_INVALID',
    ],
    [
      'a layer of another type',
      (m) =>
        first(m, (layer) => {
          layer.mediaType = 'application/x-tar';
        }),
      'REGISTRY_MANIFEST_INVALID',
    ],
    [
      'a path that leads out',
      (m) =>
        first(m, (layer) => {
          layer.annotations[title] = '../../.ssh/authorized_keys';
        }),
      'REGISTRY_FILES_REFUSED',
    ],
    [
      'an absolute path',
      (m) =>
        first(m, (layer) => {
          layer.annotations[title] = '/etc/passwd';
        }),
      'REGISTRY_FILES_REFUSED',
    ],
    [
      'one name twice',
      (m) =>
        first(m, (layer) => {
          layer.annotations[title] = 'Template.yaml';
        }),
      'REGISTRY_FILES_REFUSED',
    ],
  ])('%s', async (_, change, code) => {
    tampered(change);
    expect(await codeOf(pull())).toBe(code);
    expect(asked('/blobs/').length).toBeLessThanOrEqual(1);
  });

  test.each([
    ['no JSON', Buffer.from('{')],
    ['no UTF-8', Buffer.from([0x7b, 0xff, 0x7d])],
    ['too deep', Buffer.from(`{"a":${'['.repeat(100_000)}`)],
  ])('%s', async (_, bytes) => {
    const changed = registry.keep(bytes, '3');
    attach(registry, changed, lead.sign(changed));
    expect(await codeOf(pull())).toBe('REGISTRY_MANIFEST_INVALID');
  });
});
