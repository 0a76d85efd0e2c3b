/** Images: building, importing, finding them, and making of one what a VM boots. */

export { assembleBoot } from './assemble.ts';
export { type BuildOptions, buildImage } from './build.ts';
export { errors as imageErrors } from './codes.ts';
export { type CpioEntry, writeCpio } from './cpio.ts';
export type { AssembledBoot, ImageKind, ImageManifest, ImagePart, StoredImage } from './image.ts';
export { type ImportOptions, importImage } from './import.ts';
export {
  canonicalManifest,
  digestOf as manifestDigest,
  fileOf as imageFile,
  partsOf as imageParts,
} from './manifest.ts';
export { findPackaged, takePackaged } from './packaged.ts';
export { findPulledDisk, keepPulledDisk, type PulledDisk, pulledDiskFile } from './pulled-disk.ts';
export { upToDateImage } from './source.ts';
export {
  diskOf,
  findImage,
  imageByDigest,
  imageOfDisk,
  type ListedImage,
  listImages,
  pruneImages,
  pruneTemp,
  requireImage,
  requireIntactDisk,
  storeLock,
} from './store.ts';
export {
  findUpdates,
  type ImageUpdates,
  requireUpdateTools,
  type UpdatesAnswer,
} from './updates.ts';
