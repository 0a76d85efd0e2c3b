/** Names, versions and licence texts of the libraries that are really in the bundle. */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

const TEXT = /^(licen[cs]e|copying)(\.(md|txt|mit))?$/i;

/** `inputs`: files of the bundle, relative to `root`. */
export async function licensesOf(root, inputs) {
  const folders = new Set(inputs.flatMap((file) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1] ?? []));
  const texts = await Promise.all([...folders].map((folder) => licenseOf(path.join(root, folder))));
  return `The program in this folder contains the following libraries.\n\n${texts.sort().join('\n')}`;
}

async function licenseOf(folder) {
  const { name, version, license, licenses } = JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8'));
  const file = (await readdir(folder)).find((each) => TEXT.test(each));
  // Old packages have a list of {type, url}.
  const kind = license ?? licenses?.map(({ type }) => type).join(' or ');
  if (kind === undefined) throw new Error(`${name} names no licence`);
  const text = file === undefined ? `${kind}, as its package says.` : await readFile(path.join(folder, file), 'utf8');
  const title = `${name} ${version} (${kind})`;
  return `${title}\n${'='.repeat(title.length)}\n\n${text.trim()}\n`;
}
