/** The door of the registry room: templates to and from OCI registries, the store of what was pulled, the lock. */
export type { TemplateInfo } from './artifact.ts';
export type { ClientOptions } from './client.ts';
export { errors as registryErrors } from './codes.ts';
export type { TemplateFile } from './files.ts';
export { exportLayout, importLayout } from './layout.ts';
export { type LockEntry, type Lockfile, lockedVersion, lockVersion, readLockfile } from './lock.ts';
export { type PublishedTemplate, publishTemplate, signTemplate } from './publish.ts';
export { formatReference, parseReference, type Reference, repositoryName } from './reference.ts';
export { type FetchedTemplate, type FetchOptions, fetchPinned, fetchTemplate } from './template.ts';
