import { mkdir, mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { VmgateError } from '../../core/coded.ts';
import { complaintOf, escapeLine, parseJson } from '../../host/index.ts';
import { importImage } from '../../image/index.ts';
import {
  type FetchedImage,
  fetchImage,
  formatReference,
  lockedImage,
  lockImage,
  parseReference,
  readLockfile,
  registryErrors,
} from '../../oci/index.ts';
import { type Command, type Context, flag } from '../command.ts';
import { diskFile, piecesOf, rememberLock } from '../image/places.ts';
import { lockFileOf } from '../template/lock-file.ts';
import { SIGNER_OPTION } from '../template/signer-option.ts';
import { trusting } from '../template/take.ts';
import { clientOptions, TOKEN_HOST } from '../template/transfer.ts';
import { confirmedSigners, rememberSigner } from '../template/trust-file.ts';

const disk = z.strictObject({
  version: z.literal(1),
  format: z.enum(['qcow2', 'raw']),
  bytes: z.int().nonnegative(),
  digest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
});

export const imagePull: Command = {
  name: 'image pull',
  group: 'Set up',
  about: 'take a signed image from a registry',
  kind: 'action',
  args: [{ name: 'REF', about: 'HOST/REPOSITORY:TAG, HOST/REPOSITORY@sha256:DIGEST, or with both' }],
  options: [
    SIGNER_OPTION,
    {
      flags: '--locked',
      about: 'only the version that vmgate.lock names; where CI is set, that is so if it names one',
    },
    TOKEN_HOST,
  ],
  notes: [
    'A gateway or tiny image is in use from then on. Of a disk the file is named, for disk: in vmgate.yaml; it is inspected',
    'like any other before a VM sees it. What is there already is not fetched again, and the version is in vmgate.lock.',
  ],
  examples: [
    'vmgate image pull registry.example.com/team/gateway:1 --signer SHA256:kGxBo1lYfJ0rY1Vd6T3bL0CVJrT2kqYk3yZb8zqPq1c',
  ],
  run: async (context, input) => {
    const [written = ''] = input.args;
    const home = context.home();
    const reference = parseReference(written);
    const trusted = await confirmedSigners(home, context.cwd);
    const locked = lockedImage(await readLockfile(lockFileOf(context.cwd)), reference);
    const lock = flag(input, 'locked') ? 'require' : context.outside.isCi ? 'keep' : 'update';
    const common = { ...clientOptions(context, input), store: piecesOf(home), lock } as const;
    const options = locked === undefined ? common : { ...common, locked };
    const draft = await mkdtemp(path.join(home.images, 'pulled-'));
    try {
      const fetched = await trusting(context, input, trusted, (policy) => fetchImage(written, policy, options, draft));
      context.out.transient('');
      const taken =
        fetched.sort === 'boot' ? await takeBoot(context, fetched, draft) : await takeDisk(context, fetched);
      const { created, signer, repository } = fetched;
      const { digest } = fetched.reference;
      const signerAdded = !signer.isKnown && (await rememberSigner(home, trusted, repository, signer));
      const version = { digest, signer: signer.fingerprint, created, image: taken.image };
      await lockImage(lockFileOf(context.cwd), reference, version);
      await rememberLock(home, context.cwd);
      const shown = formatReference(fetched.reference);
      context.out.result(
        { reference: shown, ...version, signerAdded, cached: fetched.isCached, kind: taken.kind, file: taken.file },
        `${shown}, signed by ${signer.fingerprint}\n${taken.says}`,
      );
    } finally {
      await rm(draft, { recursive: true, force: true });
    }
    return 0;
  },
};

interface Taken {
  readonly image: string;
  readonly kind: string;
  /** Null: it is in use, and nobody has to name it. */
  readonly file: string | null;
  readonly says: string;
}

/** The same judgement as of one that comes on a stick. */
async function takeBoot(context: Context, { config }: FetchedImage, draft: string): Promise<Taken> {
  await writeFile(path.join(draft, 'manifest.json'), config, { mode: 0o600 });
  const { digest, manifest } = await importImage(draft, context.home().images);
  const { kind, arch } = manifest;
  return { image: digest, kind, file: null, says: `${kind} image (${arch}) in use: ${digest}` };
}

/** @throws REGISTRY_MANIFEST_INVALID, REGISTRY_DIGEST_MISMATCH */
async function takeDisk(context: Context, { reference, config, parts }: FetchedImage): Promise<Taken> {
  const shown = formatReference(reference);
  const said = disk.safeParse(parseJson(config.toString('utf8')));
  const [part, ...more] = parts;
  if (!said.success || part === undefined || more.length > 0) {
    const why = said.success ? 'it is not one disk' : `its config: ${complaintOf(said.error)}`;
    throw VmgateError.of(registryErrors.REGISTRY_MANIFEST_INVALID, { reference: shown, why });
  }
  const { digest, format, bytes } = said.data;
  if (part.digest !== digest || (await stat(part.file)).size !== bytes) {
    const payload = { what: `the disk of ${shown}`, expected: digest, actual: part.digest };
    throw VmgateError.of(registryErrors.REGISTRY_DIGEST_MISMATCH, payload);
  }
  const file = diskFile(context.home(), digest, format);
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  await rename(part.file, file);
  return { image: digest, kind: 'disk', file, says: `disk: ${escapeLine(file)}` };
}
