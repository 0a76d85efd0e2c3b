/**
 * vmgate's own files. They are found from the package's root and never from beside the code that wants them: bundling
 * moves code between files.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** Programs that run in processes of their own. */
export type Program = 'main' | 'supervisor/main' | 'lab/supervisor-main' | 'guard/main';

/** A file or folder of the installed package or the checkout. */
export function packageFile(name: string): string {
  return path.join(root(), name);
}

/** The built program, also for code that runs from the sources. */
export function programFile(program: Program): string {
  return packageFile(path.join('dist', `${program}.js`));
}

function root(): string {
  let folder = path.dirname(fileURLToPath(import.meta.url));
  while (!existsSync(path.join(folder, 'package.json')) && folder !== path.dirname(folder))
    folder = path.dirname(folder);
  return folder;
}
