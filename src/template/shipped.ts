/** The templates that come with vmgate, in vm-templates/. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { packageFile } from '../host/index.ts';

const FOLDER = 'vm-templates';

/** Sorted. */
export function shippedNames(): readonly string[] {
  return readdirSync(packageFile(FOLDER), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .toSorted();
}

export function shippedFolder(name: string): string | undefined {
  return shippedNames().includes(name) ? packageFile(path.join(FOLDER, name)) : undefined;
}
