/** The version, from the package's own file: one place to bump. */
import { readFileSync } from 'node:fs';
import { packageFile } from '../host/package.ts';

export function version(): string {
  const { version: found } = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { version: string };
  return found;
}
