/**
 * esbuild makes a chunk for each set of entries that reach the same files, and every command is an entry: what `status`
 * needs came in 16 files of a few hundred bytes each, at a millisecond a file. Files that are reached by the same
 * entries share a chunk. So every entry is made to reach all of those that belong together; by the time it is loaded
 * they are there already.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { build } from 'esbuild';

const GROUP = 'vmgate:together';

/** `entries` and everything of ours that they import at once, relative to the root. */
export async function staticallyImported(settings, entries) {
  if (entries.length === 0) return [];
  const { metafile } = await build({ ...settings, entryPoints: entries });
  const reached = new Set();
  const follow = (file) => {
    if (reached.has(file)) return;
    reached.add(file);
    for (const each of metafile.inputs[file].imports) {
      if (each.kind !== 'dynamic-import' && each.external !== true) follow(each.path);
    }
  };
  for (const entry of entries) follow(entry);
  // Libraries follow whoever imports them.
  return [...reached].filter((file) => file.startsWith('src/'));
}

/**
 * `files` in one chunk. `before`: the program's entries and what they import at once, which do without that chunk unless
 * they ask for some of it.
 */
export function keepTogether(root, before, files) {
  const absolute = (each) => each.map((file) => path.join(root, file));
  const group = new Set(absolute(files));
  const untouched = new Set([...absolute(before), ...group]);
  const importAll = `import ${JSON.stringify(GROUP)};`;
  return {
    name: 'keep together',
    setup(build) {
      if (files.length === 0) return;
      build.onResolve({ filter: new RegExp(`^${GROUP}$`) }, () => ({ path: GROUP, namespace: GROUP }));
      build.onLoad({ filter: /.*/, namespace: GROUP }, () => ({
        contents: files.map((file) => `import ${JSON.stringify(`./${file}`)};`).join('\n'),
        resolveDir: root,
      }));
      // A file of the group that is imported when it is needed is an entry too, by another name.
      build.onResolve({ filter: /^\..*\.ts$/ }, ({ kind, path: file, resolveDir }) => {
        const target = path.join(resolveDir, file);
        if (kind !== 'dynamic-import' || !group.has(target)) return undefined;
        return { path: path.relative(root, target), namespace: `${GROUP}:entry` };
      });
      build.onLoad({ filter: /.*/, namespace: `${GROUP}:entry` }, ({ path: file }) => ({
        contents: `export * from ${JSON.stringify(`./${file}`)};\n${importAll}`,
        resolveDir: root,
      }));
      build.onLoad({ filter: /\/src\/.*\.ts$/ }, async ({ path: file }) => {
        if (untouched.has(file)) return undefined;
        return { contents: `${await readFile(file, 'utf8')}\n${importAll}`, loader: 'ts' };
      });
    },
  };
}
