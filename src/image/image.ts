/** Images as the rest of vmgate sees them: a kernel, compressed cpio layers and perhaps a disk, content-addressed. */
import type { Arch } from '../drivers/driver.ts';

/**
 * `gateway` has layers `base`, `wireguard`, ...; `tiny` (work VM) and `lab` have one layer; `debian` (work VM) has one,
 * which finds its disk, and `browser` is debian with a browser on a screen.
 */
export const IMAGE_KINDS = ['gateway', 'tiny', 'lab', 'debian', 'browser'] as const;
export type ImageKind = (typeof IMAGE_KINDS)[number];

export interface ImagePart {
  readonly name: string;
  /** `sha256:<hex>` of the file's bytes. */
  readonly digest: string;
  readonly bytes: number;
}

export interface ImageManifest {
  readonly version: 1;
  readonly kind: ImageKind;
  readonly arch: Arch;
  /** `sha256:<hex>` of the recipe and vmgate's own guest files it was built from; imported images may lack it. */
  readonly source?: string;
  readonly kernel: ImagePart;
  readonly layers: readonly ImagePart[];
  /** A qcow2 image that refers to no other file; VMs write to overlays over it. */
  readonly disk?: ImagePart;
  /** The day on which the newest of its packages was made, `2026-03-04`: how old its programs are. */
  readonly newestPackage?: string;
  readonly packages: readonly { readonly name: string; readonly version: string; readonly digest: string }[];
}

export interface StoredImage {
  /** `sha256:<hex>` of the canonical manifest: the image's identity. */
  readonly digest: string;
  readonly folder: string;
  readonly manifest: ImageManifest;
}

/** What one VM boots: copies in its run folder whose bytes were hashed while they were copied. */
export interface AssembledBoot {
  readonly kernel: string;
  readonly initramfs: string;
  /** Digests of the parts as read for this boot; judged by the `image` check. */
  readonly parts: readonly ImagePart[];
}
