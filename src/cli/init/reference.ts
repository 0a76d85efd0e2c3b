import { existsSync } from 'node:fs';
import path from 'node:path';

/**
 * `registry.example.com/team/dev:3`, and not a folder of that name. Only its shape: what is wrong with one is said by
 * whoever reads it.
 */
export function isReference(cwd: string, word: string): boolean {
  return /^[^./~][^/]*[.:\]][^/]*\/|^localhost\/|@sha256:/.test(word) && !existsSync(path.resolve(cwd, word));
}
