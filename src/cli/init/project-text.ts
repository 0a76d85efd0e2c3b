/** Changes to the files of a project folder that keep what people wrote into them. */
import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { writeFileAtomic } from '../../home/index.ts';
import type { Value } from '../../template/index.ts';

/** When `change` fails, these files are as they were before. */
export async function keepingFiles<T>(files: readonly string[], change: () => Promise<T>): Promise<T> {
  const before = files.map((file) => ({ file, content: existsSync(file) ? readFileSync(file) : undefined }));
  try {
    return await change();
  } catch (cause) {
    for (const { file, content } of before) {
      if (content === undefined) await rm(file, { force: true });
      else if (!existsSync(file) || !readFileSync(file).equals(content)) await writeFileAtomic(file, content);
    }
    throw cause;
  }
}

const NEW_FILE = [
  "# vmgate.yaml: what this project adds to its team's template. Every key is described by: vmgate schema",
  '# Which version counts is in vmgate.lock, who may sign it in vmgate.trust; what is yours alone, in vmgate.local.yaml.',
  'version: 1',
  '',
].join('\n');

const NEW_LOCAL_FILE = [
  '# vmgate.local.yaml: what is yours alone. It can add and tighten, not loosen. Keep it out of version control.',
  'version: 1',
  '',
].join('\n');

/** vmgate.yaml names these templates. */
export async function writeTemplates(
  file: string,
  references: readonly string[],
  { isNew, gate }: { readonly isNew: boolean; readonly gate: string | undefined },
): Promise<void> {
  const template = references.length === 1 ? references[0] : references;
  const said = { ...(gate === undefined ? {} : { gate }), template };
  await writeKeys(file, isNew ? NEW_FILE : readFileSync(file, 'utf8'), Object.entries(said), 0o644);
}

/** vmgate.local.yaml says these; what it says otherwise stays. Without anything to say it is left alone. */
export async function writeLocal(
  file: string,
  { vpn, parameters }: { readonly vpn: string | undefined; readonly parameters: Readonly<Record<string, Value>> },
): Promise<void> {
  const answers = Object.entries(parameters).map(([name, value]) => [`parameters.${name}`, value] as const);
  const said = [...(vpn === undefined ? [] : [['vpn', vpn] as const]), ...answers];
  if (said.length === 0) return;
  await writeKeys(file, existsSync(file) ? readFileSync(file, 'utf8') : NEW_LOCAL_FILE, said, 0o600);
}

async function writeKeys(
  file: string,
  text: string,
  said: readonly (readonly [string, unknown])[],
  mode: number,
): Promise<void> {
  const { parseDocument } = await import('yaml');
  const document = parseDocument(text);
  const before: unknown = document.toJS();
  for (const [key, value] of said) document.setIn(key.split('.'), document.createNode(value));
  // What says it already keeps its spelling, to the byte.
  if (existsSync(file) && isDeepStrictEqual(document.toJS(), before)) return;
  await writeFileAtomic(file, document.toString({ lineWidth: 0 }), mode);
}
