/** `vmgate.lock`: which version of each reference was taken, so that everybody and the next time get the same. */
import * as z from 'zod';
import { VmgateError } from '../core/coded.ts';
import { readPlainFile, writeFileAtomic } from '../home/index.ts';
import { complaintOf, messageOf, parseJson } from '../host/index.ts';
import { errors } from './codes.ts';
import { DIGEST, formatReference, type Reference } from './reference.ts';

const MAX_FILE = 1_048_576;

const entry = z.strictObject({
  digest: z.string().regex(DIGEST, 'is no sha256 digest'),
  /** `SHA256:...` of the key whose signature counted. */
  signer: z.string().regex(/^SHA256:[A-Za-z0-9+/]{43}$/, 'is no fingerprint'),
  created: z.iso.datetime(),
});
/** `image`: the digest of what was taken, as `vmgate image list` or a disk's sha256 has it. */
const imageEntry = entry.extend({ image: z.string().regex(DIGEST, 'is no sha256 digest') });
const file = z.strictObject({
  version: z.literal(1),
  templates: z.record(z.string().max(512), entry),
  images: z.record(z.string().max(512), imageEntry).optional(),
});

export type LockEntry = Readonly<z.infer<typeof entry>>;
export type ImageLockEntry = Readonly<z.infer<typeof imageEntry>>;
export type Lockfile = Readonly<z.infer<typeof file>>;

/** The name under which a reference is locked: without its digest. */
export function lockKey(reference: Reference): string {
  return formatReference({ ...reference, digest: undefined });
}

export function lockedVersion({ templates }: Lockfile, reference: Reference): LockEntry | undefined {
  const key = lockKey(reference);
  return Object.hasOwn(templates, key) ? templates[key] : undefined;
}

/** @throws REGISTRY_LOCK_DAMAGED; a file that is not there is empty */
export async function readLockfile(name: string): Promise<Lockfile> {
  return (await readLockRecord(name, file, MAX_FILE)) ?? { version: 1, templates: {} };
}

/** A file that says what is locked, or where; undefined where there is none. @throws REGISTRY_LOCK_DAMAGED */
export async function readLockRecord<T>(name: string, schema: z.ZodType<T>, maxBytes: number): Promise<T | undefined> {
  const damaged = (why: string) => VmgateError.of(errors.REGISTRY_LOCK_DAMAGED, { file: name, why });
  const text = await readPlainFile(name, maxBytes).catch((cause: unknown) => {
    throw damaged(messageOf(cause));
  });
  if (text === undefined) return undefined;
  const read = schema.safeParse(parseJson(text));
  if (!read.success) throw damaged(complaintOf(read.error));
  return read.data;
}

export function lockedImage({ images = {} }: Lockfile, reference: Reference): ImageLockEntry | undefined {
  const key = lockKey(reference);
  return Object.hasOwn(images, key) ? images[key] : undefined;
}

/** @throws HOME_WRITE_FAILED, REGISTRY_LOCK_DAMAGED */
export async function lockVersion(name: string, reference: Reference, version: LockEntry): Promise<void> {
  const { templates, images } = await readLockfile(name);
  await writeLockfile(name, { version: 1, templates: { ...templates, [lockKey(reference)]: version }, images });
}

/** @throws HOME_WRITE_FAILED, REGISTRY_LOCK_DAMAGED */
export async function lockImage(name: string, reference: Reference, version: ImageLockEntry): Promise<void> {
  const { templates, images } = await readLockfile(name);
  await writeLockfile(name, { version: 1, templates, images: { ...images, [lockKey(reference)]: version } });
}

/** Sorted, so that version control shows what changed. */
async function writeLockfile(name: string, { version, templates, images }: Lockfile): Promise<void> {
  const sorted = <T>(all: Readonly<Record<string, T>>) =>
    Object.fromEntries(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1)));
  const content = {
    version,
    templates: sorted(templates),
    ...(images === undefined ? {} : { images: sorted(images) }),
  };
  await writeFileAtomic(name, `${JSON.stringify(content, undefined, 2)}\n`, 0o644);
}
