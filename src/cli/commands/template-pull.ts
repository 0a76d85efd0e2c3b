import path from 'node:path';
import { type FetchedTemplate, formatReference } from '../../oci/index.ts';
import { type Command, flag, type Input, text } from '../command.ts';
import { diffToLocked, tellWhole } from '../template/review.ts';
import { SIGNER_OPTION } from '../template/signer-option.ts';
import { recordTaken, takeTemplate } from '../template/take.ts';
import { TOKEN_HOST } from '../template/transfer.ts';
import { TRUST_FILE } from '../template/trust-file.ts';
import { writeFiles } from '../template/write-files.ts';

export const templatePull: Command = {
  name: 'template pull',
  group: 'Set up',
  about: 'take a signed template from a registry',
  kind: 'action',
  args: [{ name: 'REF', about: 'HOST/REPOSITORY:TAG, HOST/REPOSITORY@sha256:DIGEST, or with both' }],
  options: [
    SIGNER_OPTION,
    { flags: '--to <FOLDER>', about: 'write its files into this new folder' },
    {
      flags: '--locked',
      about: 'only the version that vmgate.lock names; where CI is set, that is so if it names one',
    },
    TOKEN_HOST,
  ],
  notes: [
    `Whose signatures count is said by ${TRUST_FILE} of this folder, a line for each key, or by --signer, which adds one.`,
    'A fingerprint is worth as much as the way it came: not from the registry, nor from this network.',
    `What was taken is written into vmgate.lock. A version that is here already is read without a network.`,
  ],
  examples: [
    'vmgate template pull registry.example.com/team/dev:3 --signer SHA256:kGxBo1lYfJ0rY1Vd6T3bL0CVJrT2kqYk3yZb8zqPq1c',
    'vmgate template pull registry.example.com/team/dev:3 --to ./dev',
  ],
  run: async (context, input) => {
    const [written = ''] = input.args;
    const isKept = flag(input, 'locked') || context.outside.isCi;
    const taken = await takeTemplate(
      context,
      input,
      written,
      flag(input, 'locked') ? 'require' : isKept ? 'keep' : 'update',
    );
    if (taken.locked?.digest !== taken.fetched.digest) tellWhole(context, taken, await diffToLocked(context, taken));
    const folder = text(input, 'to');
    if (folder !== undefined) await writeFiles(path.resolve(context.cwd, folder), taken.fetched.files);
    const isAdded = await recordTaken(context, taken);
    context.out.result(resultOf(taken.fetched, isAdded), describe(taken.fetched, isAdded, input));
    return 0;
  },
};

function resultOf({ reference, digest, created, signer, files, isCached }: FetchedTemplate, isAdded: boolean) {
  return {
    reference: formatReference(reference),
    digest,
    created,
    signer: signer.fingerprint,
    signerAdded: isAdded,
    cached: isCached,
    files: files.map(({ path: name, executable, content }) => ({ path: name, executable, bytes: content.length })),
  };
}

function describe(
  { reference, created, signer, files, isCached }: FetchedTemplate,
  isAdded: boolean,
  input: Input,
): string {
  const folder = text(input, 'to');
  return [
    `${formatReference(reference)}${isCached ? ', which was here already' : ''}`,
    `made ${created}, signed by ${signer.fingerprint}${isAdded ? `, now in ${TRUST_FILE}` : ''}`,
    ...files.map(
      ({ path: name, executable, content }) => `  ${name}  ${content.length} B${executable ? ', executable' : ''}`,
    ),
    ...(folder === undefined ? [] : [`written into ${folder}`]),
  ].join('\n');
}
