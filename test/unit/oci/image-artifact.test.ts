/** Manifests that say they are an image: what is wrong with them is told before a byte of a part is asked for. */
import { describe, expect, test } from '@jest/globals';
import { IMAGE_TYPE, PIECE_BYTES, packImage, readImageArtifact } from '../../../src/oci/image-artifact.ts';
import { faultOf } from '../faults.ts';

const digest = (mark: string) => `sha256:${mark.repeat(64)}`;
const piece = (part: string, mark: string, size = 10) => {
  return { part, blob: { mediaType: 'application/octet-stream', digest: digest(mark), size } };
};
const GOOD = packImage({
  sort: 'disk',
  config: { digest: digest('c'), size: 20 },
  pieces: [piece('disk.qcow2', 'a', PIECE_BYTES), piece('disk.qcow2', 'b')],
  place: { repository: 'registry.example.com/team/desktop', tag: '7' },
  created: '2026-03-04T00:00:00.000Z',
});

interface Layer {
  mediaType: string;
  digest: string;
  size: number;
  annotations: Record<string, string>;
}
interface Manifest {
  mediaType: string;
  artifactType?: string;
  config: { mediaType: string; digest: string; size: number };
  layers: Layer[];
  annotations: Record<string, string>;
}
const TITLE = 'org.opencontainers.image.title';

function changed(change: (manifest: Manifest) => void): Buffer {
  const manifest = JSON.parse(GOOD.toString()) as Manifest;
  change(manifest);
  return Buffer.from(JSON.stringify(manifest));
}
const first = (change: (layer: Layer) => void) => (manifest: Manifest) => {
  for (const layer of manifest.layers.slice(0, 1)) change(layer);
};
const titled = (title: string) => first((layer) => (layer.annotations[TITLE] = title));

test('anti-test: told the truth, it is one', () => {
  const { sort, pieces, created } = readImageArtifact(GOOD, 'x');
  expect({ sort, pieces: pieces.length, created }).toEqual({
    sort: 'disk',
    pieces: 2,
    created: '2026-03-04T00:00:00.000Z',
  });
});

describe('refused', () => {
  test.each<[string, (manifest: Manifest) => void, string]>([
    ['another artifact', (m) => (m.artifactType = 'application/vnd.example'), 'REGISTRY_MANIFEST_INVALID'],
    ['a template', (m) => (m.artifactType = 'application/vnd.vmgate.template.v1+json'), 'REGISTRY_MANIFEST_INVALID'],
    ["a container's image", (m) => delete m.artifactType, 'REGISTRY_MANIFEST_INVALID'],
    [
      'another media type',
      (m) => (m.mediaType = 'application/vnd.docker.distribution.manifest.v2+json'),
      'REGISTRY_MANIFEST_INVALID',
    ],
    [
      'another config',
      (m) => (m.config.mediaType = 'application/vnd.oci.image.config.v1+json'),
      'REGISTRY_MANIFEST_INVALID',
    ],
    ['a config of two megabytes', (m) => (m.config.size = 2_000_000), 'REGISTRY_MANIFEST_INVALID'],
    [
      'a config of another algorithm',
      (m) => (m.config.digest = `sha512:${'0'.repeat(128)}`),
      'REGISTRY_MANIFEST_INVALID',
    ],
    ['a piece of another type', first((layer) => (layer.mediaType = 'application/x-tar')), 'REGISTRY_MANIFEST_INVALID'],
    ['a packed piece', first((layer) => (layer.mediaType += '+gzip')), 'REGISTRY_MANIFEST_INVALID'],
    [
      'a piece of another algorithm',
      first((layer) => (layer.digest = `sha512:${'0'.repeat(128)}`)),
      'REGISTRY_MANIFEST_INVALID',
    ],
    ['a piece without a name', first((layer) => (layer.annotations = {})), 'REGISTRY_MANIFEST_INVALID'],
    ['a path that leads out', titled('../../../.ssh/authorized_keys'), 'REGISTRY_MANIFEST_INVALID'],
    ['an absolute path', titled('/etc/passwd'), 'REGISTRY_MANIFEST_INVALID'],
    ['a path of Windows', titled('C:\\disk'), 'REGISTRY_MANIFEST_INVALID'],
    ['a folder', titled('a/disk.qcow2'), 'REGISTRY_MANIFEST_INVALID'],
    ['a hidden name', titled('.disk'), 'REGISTRY_MANIFEST_INVALID'],
    ['an option', titled('-rf'), 'REGISTRY_MANIFEST_INVALID'],
    ['a line break', titled('disk\n'), 'REGISTRY_MANIFEST_INVALID'],
    ['a NUL', titled('disk\0.qcow2'), 'REGISTRY_MANIFEST_INVALID'],
    ['capitals', titled('Disk.qcow2'), 'REGISTRY_MANIFEST_INVALID'],
    ['a long name', titled('a'.repeat(65)), 'REGISTRY_MANIFEST_INVALID'],
    ['a piece larger than any', first((layer) => (layer.size = PIECE_BYTES + 1)), 'REGISTRY_MANIFEST_INVALID'],
    ['a negative size', first((layer) => (layer.size = -1)), 'REGISTRY_MANIFEST_INVALID'],
    ['half a byte', first((layer) => (layer.size = 1.5)), 'REGISTRY_MANIFEST_INVALID'],
    ['no piece', (m) => (m.layers = []), 'REGISTRY_MANIFEST_INVALID'],
    [
      'a part that is there twice, with another between',
      (m) => m.layers.push({ ...layerOf(m), annotations: { [TITLE]: 'kernel' } }, layerOf(m)),
      'REGISTRY_MANIFEST_INVALID',
    ],
    [
      'more than anybody has room for',
      (m) => (m.layers = Array.from({ length: 4_097 }, () => ({ ...layerOf(m), size: PIECE_BYTES }))),
      'REGISTRY_TOO_LARGE',
    ],
    ['no day', (m) => (m.annotations = {}), 'REGISTRY_MANIFEST_INVALID'],
  ])('%s', (_, change, code) => {
    const fault = faultOf(() => readImageArtifact(changed(change), 'registry.example.com/team/desktop:7'));
    expect({ code: fault.code, exit: fault.exit }).toEqual({ code, exit: 6 });
    expect(fault.what.length).toBeLessThan(1_000);
  });

  test.each([
    ['no JSON', Buffer.from('{')],
    ['no UTF-8', Buffer.from([0xff, 0xfe, 0x7b])],
    ['nothing', Buffer.alloc(0)],
    ['a list', Buffer.from('[]')],
    ['a prototype', Buffer.from('{"__proto__":{"artifactType":"x"}}')],
  ])('%s', (_, bytes) => {
    expect(faultOf(() => readImageArtifact(bytes, 'x')).code).toBe('REGISTRY_MANIFEST_INVALID');
  });

  test('its own type is what push writes', () => {
    expect(JSON.parse(GOOD.toString())).toMatchObject({ artifactType: IMAGE_TYPE });
  });
});

function layerOf({ layers: [layer] }: Manifest): Layer {
  if (layer === undefined) throw new Error('there is one');
  return layer;
}
