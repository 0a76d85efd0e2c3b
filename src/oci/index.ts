/** The door of the registry room: templates to and from OCI registries, the store of what was pulled, the lock. */
export type { TemplateInfo } from './artifact.ts';
export type { ClientOptions } from './client.ts';
export { errors as registryErrors } from './codes.ts';
export type { TemplateFile } from './files.ts';
export {
  blobsOfImages,
  type FetchedImage,
  fetchImage,
  type ImageSource,
  type PublishedImage,
  publishImage,
} from './image.ts';
export { type KeptImage, keptImage } from './kept-image.ts';
export { exportLayout, importLayout } from './layout.ts';
export {
  type ImageLockEntry,
  type LockEntry,
  type Lockfile,
  lockedImage,
  lockedVersion,
  lockImage,
  lockVersion,
  readLockfile,
  readLockRecord,
} from './lock.ts';
export { type PublishedTemplate, publishTemplate, signArtifact } from './publish.ts';
export { formatReference, parseReference, type Reference, repositoryName } from './reference.ts';
export { type FetchedTemplate, fetchPinned, fetchTemplate } from './template.ts';
export type { FetchOptions } from './verified.ts';
