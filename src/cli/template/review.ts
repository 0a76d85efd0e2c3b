/** A template as a person reads it before it is used: every file, whole, and what is different from the locked version. */
import { isUtf8 } from 'node:buffer';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { VmgateError } from '../../core/coded.ts';
import { escapeBlock, escapeLine, run, sha256 } from '../../host/index.ts';
import { fetchPinned, parseReference, type TemplateFile } from '../../oci/index.ts';
import type { Context } from '../command.ts';
import type { TakenTemplate } from './take.ts';
import { writeFiles } from './write-files.ts';

const DIFF_MS = 30_000;
export const MAX_DIFF = 4_194_304;

/** Every file, with what a terminal would act on made visible. */
export function wholeText(files: readonly TemplateFile[]): string {
  return files
    .map(({ path: name, executable, content }) => {
      const head = `--- ${name}, ${content.length} B${executable ? ', executable' : ''}`;
      return `${head}\n${isUtf8(content) ? contentOf(content) : `(not text: ${sha256(content)})`}`;
    })
    .join('\n');
}

function contentOf(content: Uint8Array): string {
  const text = Buffer.from(content).toString('utf8').replace(/\n$/, '');
  return escapeBlock(text, text.length);
}

/**
 * What `diff -ruN` says between the locked version and this one; empty where they are the same, undefined where none is
 * locked or the locked one is no longer here.
 *
 * @throws HOST_TOOL_MISSING
 */
export async function diffToLocked(
  context: Context,
  { written, fetched, locked }: TakenTemplate,
): Promise<string | undefined> {
  if (locked === undefined) return undefined;
  if (locked.digest === fetched.digest) return '';
  const before = await lockedFiles(context, written, locked.digest);
  return before === undefined ? undefined : diff(before, fetched.files);
}

async function lockedFiles(
  context: Context,
  written: string,
  digest: string,
): Promise<readonly TemplateFile[] | undefined> {
  const options = { store: context.home().templates, isOffline: true };
  try {
    return await fetchPinned({ ...parseReference(written), digest }, options);
  } catch (cause) {
    if (VmgateError.is(cause) && cause.code === 'REGISTRY_NOT_HERE') return undefined;
    throw cause;
  }
}

async function diff(before: readonly TemplateFile[], after: readonly TemplateFile[]): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'vmgate-diff-'));
  try {
    await writeFiles(path.join(folder, 'locked'), before);
    await writeFiles(path.join(folder, 'new'), after);
    const argv = ['-ruN', 'locked', 'new'];
    const said = await run({ tool: 'diff', argv, cwd: folder, timeoutMs: DIFF_MS, maxBytes: MAX_DIFF });
    // Times of files that were written a moment ago say nothing.
    const text = said.stdout.replaceAll(/^(---|\+\+\+) (\S+)\t.*$/gm, '$1 $2').replaceAll(/^diff -ruN .*\n/gm, '');
    return said.overflowed ? `${text}\n(cut here)` : text;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Told on the way to a question, or to what is done without one. */
export function tellWhole({ out }: Context, taken: TakenTemplate, difference: string | undefined): void {
  const { written, fetched, locked } = taken;
  const { digest, created, signer, files } = fetched;
  out.progress(`${escapeLine(written)}, ${digest}\nmade ${created}, signed by ${signer.fingerprint}\n`);
  out.progress(wholeText(files));
  if (locked === undefined) return;
  out.progress(`\nlocked so far: ${locked.digest}, made ${locked.created}`);
  out.progress(difference === undefined ? 'it is no longer here to be compared' : escapeBlock(difference, MAX_DIFF));
}
