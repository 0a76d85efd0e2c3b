/** The folder of a gateway's image with words in the place of a kernel: as data it is one, for any architecture. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Arch } from '../../../src/drivers/driver.ts';
import { sha256 } from '../../../src/host/index.ts';
import { canonicalManifest, type ImageManifest, manifestDigest } from '../../../src/image/index.ts';

export function fakeGateway(folder: string, arch: Arch): { readonly folder: string; readonly digest: string } {
  const image = path.join(folder, `gateway-${arch}`);
  mkdirSync(image, { recursive: true });
  const part = (name: string, file: string) => {
    const content = Buffer.from(`the ${name} of ${arch}`);
    writeFileSync(path.join(image, file), content);
    return { name, digest: sha256(content), bytes: content.length };
  };
  const manifest: ImageManifest = {
    ...{ version: 1, kind: 'gateway', arch },
    kernel: part('kernel', 'kernel'),
    layers: [part('base', 'base.cpio'), part('wireguard', 'wireguard.cpio')],
    newestPackage: '2026-03-04',
    packages: [{ name: `linux-image-cloud-${arch}`, version: '6.12-1', digest: sha256(arch) }],
  };
  writeFileSync(path.join(image, 'manifest.json'), canonicalManifest(manifest));
  writeFileSync(path.join(image, 'packages.lock'), '');
  return { folder: image, digest: manifestDigest(manifest) };
}
