/** Images as a build leaves them in the store, without their parts. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Arch } from '../../../src/drivers/driver.ts';
import type { ImageKind, StoredImage } from '../../../src/image/image.ts';
import { canonicalManifest, manifestDigest } from '../../../src/image/index.ts';

const none = `sha256:${'0'.repeat(64)}`;

/** @param packages `NAME VERSION`, each */
export function imageOf(kind: ImageKind, packages: readonly string[], arch: Arch = 'amd64'): StoredImage {
  const manifest = {
    version: 1,
    kind,
    arch,
    kernel: { name: 'kernel', digest: none, bytes: 1_000_000 },
    layers: [{ name: 'base', digest: none, bytes: 500_000 }],
    newestPackage: '2026-01-02',
    packages: packages.map((each) => {
      const [name = '', ...version] = each.split(' ');
      return { name, version: version.join(' '), digest: none };
    }),
  } as const;
  return { digest: manifestDigest(manifest), folder: '/nowhere', manifest };
}

/** It is the one in use of its kind from then on; others that were put there are no more. */
export function putImage(imagesFolder: string, { digest, manifest }: StoredImage): void {
  const folder = path.join(imagesFolder, digest.slice('sha256:'.length));
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(path.join(folder, 'manifest.json'), canonicalManifest(manifest));
  const current = { [`${manifest.kind}/${manifest.arch}`]: digest };
  writeFileSync(path.join(imagesFolder, 'current.json'), JSON.stringify(current));
}
