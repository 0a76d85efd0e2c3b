/** One version of an image from its registry or from what is here: signed by whom it should be, kept, and in vmgate.lock. */
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { VmgateError } from '../../core/coded.ts';
import { complaintOf, escapeLine, parseJson } from '../../host/index.ts';
import { importImage, keepPulledDisk, type PulledDisk, pruneTemp } from '../../image/index.ts';
import {
  type FetchedImage,
  type FetchOptions,
  fetchImage,
  formatReference,
  type ImageLockEntry,
  type KeptImage,
  lockedImage,
  lockImage,
  parseReference,
  readLockfile,
  registryErrors,
} from '../../oci/index.ts';
import type { Context, Input } from '../command.ts';
import { changeLockFile } from '../template/change-lock-file.ts';
import { lockFileOf } from '../template/lock-file.ts';
import { trusting } from '../template/take.ts';
import { clientOptions } from '../template/transfer.ts';
import { confirmedSigners, rememberSigner } from '../template/trust-file.ts';
import { piecesOf, rememberLock } from './places.ts';

/** What `image push` says of a disk. */
const disk = z.strictObject({
  version: z.literal(1),
  format: z.enum(['qcow2', 'raw']),
  arch: z.enum(['amd64', 'arm64']),
  bytes: z.int().nonnegative(),
  digest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
});

export type DiskConfig = z.infer<typeof disk>;

interface Taken {
  /** Its digest: of the image's manifest, or of the disk. */
  readonly image: string;
  readonly kind: string;
  readonly arch: string;
  /** Null: it is in use, and nobody has to name it. */
  readonly file: string | null;
  readonly says: string;
}

export interface TakenImage extends Taken {
  /** With its digest. */
  readonly reference: string;
  readonly version: ImageLockEntry;
  readonly signerAdded: boolean;
  readonly isCached: boolean;
}

/**
 * vmgate.lock names it from then on, and vmgate.trust whoever signed it.
 *
 * @param lock see {@link FetchOptions}
 * @throws TRUST_*, REGISTRY_*, IMAGE_*
 */
export async function takeImage(
  context: Context,
  input: Input,
  written: string,
  lock: NonNullable<FetchOptions['lock']>,
): Promise<TakenImage> {
  const home = context.home();
  const reference = parseReference(written);
  const trusted = await confirmedSigners(home, context.cwd);
  const locked = lockedImage(await readLockfile(lockFileOf(context.cwd)), reference);
  const common = { ...clientOptions(context, input), store: piecesOf(home), lock } as const;
  const options = locked === undefined ? common : { ...common, locked };
  await pruneTemp(home.images);
  const draft = await mkdtemp(path.join(home.images, `pulled-${process.pid}-`));
  try {
    const fetched = await trusting(context, input, trusted, (policy) => fetchImage(written, policy, options, draft));
    context.out.transient('');
    const taken = fetched.sort === 'boot' ? await takeBoot(context, fetched, draft) : await takeDisk(context, fetched);
    const { created, signer, repository } = fetched;
    const signerAdded = !signer.isKnown && (await rememberSigner(home, trusted, repository, signer));
    const version = { digest: fetched.reference.digest, signer: signer.fingerprint, created, image: taken.image };
    await changeLockFile(home, context.cwd, (file) => lockImage(file, reference, version));
    await rememberLock(home, context.cwd);
    const { isCached } = fetched;
    return { ...taken, reference: formatReference(fetched.reference), version, signerAdded, isCached };
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** The same judgement as of one that comes on a stick. */
async function takeBoot(context: Context, { config }: FetchedImage, draft: string): Promise<Taken> {
  await writeFile(path.join(draft, 'manifest.json'), config, { mode: 0o600 });
  const { digest, manifest } = await importImage(draft, context.home().images);
  const { kind, arch } = manifest;
  return { image: digest, kind, arch, file: null, says: `${kind} image (${arch}) in use: ${digest}` };
}

/** @throws REGISTRY_MANIFEST_INVALID, REGISTRY_DIGEST_MISMATCH */
async function takeDisk(context: Context, fetched: FetchedImage): Promise<Taken> {
  const [part, ...more] = fetched.parts;
  const { digest, format, arch, bytes } = readDisk(fetched);
  if (part === undefined || more.length > 0) throw noDisk(fetched, 'it is not one disk');
  if (part.digest !== digest || (await stat(part.file)).size !== bytes) {
    const what = `the disk of ${formatReference(fetched.reference)}`;
    throw VmgateError.of(registryErrors.REGISTRY_DIGEST_MISMATCH, { what, expected: digest, actual: part.digest });
  }
  const kept: PulledDisk = { digest, format, arch };
  const file = await keepPulledDisk(context.home().images, fetched.reference.digest, kept, part.file);
  return { image: digest, kind: 'disk', arch, file, says: `disk (${arch}): ${escapeLine(file)}` };
}

/** @throws REGISTRY_MANIFEST_INVALID */
export function readDisk(image: Pick<KeptImage, 'reference' | 'config' | 'sort'>): DiskConfig {
  if (image.sort !== 'disk') throw noDisk(image, 'it is an image that vmgate built, with a kernel of its own');
  const said = disk.safeParse(parseJson(image.config.toString('utf8')));
  if (!said.success) throw noDisk(image, `its config: ${complaintOf(said.error)}`);
  return said.data;
}

function noDisk({ reference }: Pick<KeptImage, 'reference'>, why: string): VmgateError {
  const payload = { reference: formatReference(reference), why, sort: 'image' } as const;
  return VmgateError.of(registryErrors.REGISTRY_MANIFEST_INVALID, payload);
}
