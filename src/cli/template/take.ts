/** One version of a template from its registry or from the store: signed by whom it should be, judged, and not yet used. */
import { VmgateError } from '../../core/coded.ts';
import {
  type FetchedTemplate,
  type FetchOptions,
  fetchTemplate,
  type LockEntry,
  lockVersion,
  parseReference,
} from '../../oci/index.ts';
import { loadTemplate, type Template } from '../../template/index.ts';
import { type TrustPolicy, trustErrors } from '../../trust/index.ts';
import { type Context, type Input, text } from '../command.ts';
import { version } from '../version.ts';
import { basesFrom } from './bases.ts';
import { changeLockFile } from './change-lock-file.ts';
import { lockedIn } from './lock-file.ts';
import { clientOptions } from './transfer.ts';
import { confirmedSigners, rememberSigner, type TrustFile } from './trust-file.ts';

export interface TakenTemplate {
  /** As it was typed. */
  readonly written: string;
  readonly fetched: FetchedTemplate;
  readonly template: Template;
  /** What vmgate.lock said before. */
  readonly locked: LockEntry | undefined;
}

/**
 * Nothing is written but the store.
 *
 * @param lock see {@link FetchOptions}
 * @throws TRUST_*, REGISTRY_*, TEMPLATE_*
 */
export async function takeTemplate(
  context: Context,
  input: Input,
  written: string,
  lock: NonNullable<FetchOptions['lock']>,
  { isOffline = false }: Pick<FetchOptions, 'isOffline'> = {},
): Promise<TakenTemplate> {
  parseReference(written);
  const home = context.home();
  const trusted = await confirmedSigners(home, context.cwd);
  const locked = await lockedIn(context.cwd, written);
  const client = { ...clientOptions(context, input), store: home.templates, isOffline };
  const options = { ...client, ...(locked === undefined ? {} : { locked }), lock };
  const fetched = await trusting(context, input, trusted, (policy) => fetchTemplate(written, policy, options));
  const place = `${written}/`;
  const template = await loadTemplate(fetched.files, { place, version: version(), pinned: basesFrom(client) });
  context.out.transient('');
  return { written, fetched, template, locked };
}

/** vmgate.lock and vmgate.trust say it from now on. True: the signer is new in vmgate.trust. */
export async function recordTaken(context: Context, { written, fetched }: TakenTemplate): Promise<boolean> {
  const { digest, created, signer, repository } = fetched;
  const home = context.home();
  const trusted = await confirmedSigners(home, context.cwd);
  const isAdded = !signer.isKnown && (await rememberSigner(home, trusted, repository, signer));
  const version = { digest, signer: signer.fingerprint, created };
  await changeLockFile(home, context.cwd, (file) => lockVersion(file, parseReference(written), version));
  return isAdded;
}

/** By vmgate.trust, by `--signer`, or by whom the person at the terminal knows. */
export async function trusting<T>(
  context: Context,
  input: Input,
  { signers }: Pick<TrustFile, 'signers'>,
  fetch: (policy: TrustPolicy) => Promise<T>,
): Promise<T> {
  const expected = text(input, 'signer');
  return fetch(expected === undefined ? { signers } : { signers: [], expected }).catch(async (cause: unknown) => {
    return fetch({ signers: [], expected: await acceptedStranger(context, cause) });
  });
}

/** On a terminal a stranger's good signature is a question; everywhere else it is the answer. @throws `cause` */
async function acceptedStranger({ isInteractive }: Context, cause: unknown): Promise<string> {
  const isStranger = VmgateError.is(cause) && cause.code === trustErrors.TRUST_SIGNER_NOT_ALLOWED.code;
  if (!isStranger || !isInteractive) throw cause;
  const { signer } = cause.payload as { readonly signer: string };
  const { askYes } = await import('../init/questions.ts');
  const question = `Signed by ${signer}. Were you told this very fingerprint, on another way than this network?`;
  if (!(await askYes(question))) throw cause;
  return signer;
}
