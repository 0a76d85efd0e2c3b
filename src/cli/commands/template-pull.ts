import path from 'node:path';
import { VmgateError } from '../../core/coded.ts';
import {
  type FetchedTemplate,
  fetchTemplate,
  formatReference,
  lockedVersion,
  lockVersion,
  parseReference,
  readLockfile,
} from '../../oci/index.ts';
import { type TrustPolicy, trustErrors } from '../../trust/index.ts';
import { type Command, type Context, flag, type Input, text } from '../command.ts';
import { clientOptions, TOKEN_HOST } from '../template/transfer.ts';
import { confirmedSigners, rememberSigner, TRUST_FILE } from '../template/trust-file.ts';
import { writeFiles } from '../template/write-files.ts';

const LOCK_FILE = 'vmgate.lock';

export const templatePull: Command = {
  name: 'template pull',
  group: 'Set up',
  about: 'take a signed template from a registry',
  kind: 'action',
  args: [{ name: 'REF', about: 'HOST/REPOSITORY:TAG, HOST/REPOSITORY@sha256:DIGEST, or with both' }],
  options: [
    { flags: '--signer <FINGERPRINT>', about: 'SHA256:... of the key that signs for the team, as they told you' },
    { flags: '--to <FOLDER>', about: 'write its files into this new folder' },
    { flags: '--locked', about: 'only the version that vmgate.lock names' },
    TOKEN_HOST,
  ],
  notes: [
    `Whose signatures count is said by ${TRUST_FILE} of this folder, a line for each key, or by --signer, which adds one.`,
    'A fingerprint is worth as much as the way it came: not from the registry, nor from this network.',
    `What was taken is written into ${LOCK_FILE}. A version that is here already is read without a network.`,
  ],
  examples: [
    'vmgate template pull registry.example.com/team/dev:3 --signer SHA256:kGxBo1lYfJ0rY1Vd6T3bL0CVJrT2kqYk3yZb8zqPq1c',
    'vmgate template pull registry.example.com/team/dev:3 --to ./dev',
  ],
  run: async (context, input) => {
    const [written = ''] = input.args;
    const reference = parseReference(written);
    const home = context.home();
    const trusted = await confirmedSigners(home, context.cwd);
    const lockFile = path.join(context.cwd, LOCK_FILE);
    const locked = lockedVersion(await readLockfile(lockFile), reference);
    const options = {
      ...clientOptions(context, input),
      store: home.templates,
      ...(locked === undefined ? {} : { locked }),
      lock: flag(input, 'locked') ? 'require' : 'update',
    } as const;
    const expected = text(input, 'signer');
    const policy: TrustPolicy = expected === undefined ? { signers: trusted.signers } : { signers: [], expected };
    const template = await fetchTemplate(written, policy, options).catch(async (cause: unknown) => {
      const stranger = await acceptedStranger(context, cause);
      return fetchTemplate(written, { signers: [], expected: stranger }, options);
    });
    context.out.transient('');
    const folder = text(input, 'to');
    if (folder !== undefined) await writeFiles(path.resolve(context.cwd, folder), template.files);
    const isAdded =
      !template.signer.isKnown && (await rememberSigner(home, trusted, template.repository, template.signer));
    const { digest, created, signer } = template;
    await lockVersion(lockFile, reference, { digest, signer: signer.fingerprint, created });
    context.out.result(resultOf(template, isAdded), describe(template, isAdded, input));
    return 0;
  },
};

/** On a terminal a stranger's good signature is a question; everywhere else it is the answer. @throws `cause` */
async function acceptedStranger({ isInteractive }: Context, cause: unknown): Promise<string> {
  const isStranger = VmgateError.is(cause) && cause.code === trustErrors.TRUST_SIGNER_NOT_ALLOWED.code;
  if (!isStranger || !isInteractive) throw cause;
  const { signer } = cause.payload as { readonly signer: string };
  const { askYes } = await import('../init/questions.ts');
  const question = `Signed by ${signer}. Were you told this very fingerprint, on another way than this network?`;
  if (!(await askYes(question, 'template pull'))) throw cause;
  return signer;
}

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
