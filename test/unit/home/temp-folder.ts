import { mkdtempSync, rmSync } from 'node:fs';
import { afterEach } from '@jest/globals';

/** A fresh folder for each call, removed after the test. Under /tmp, so that socket paths stay short. */
export function temporaryFolders(): () => string {
  const folders: string[] = [];
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  });
  return () => {
    const folder = mkdtempSync('/tmp/vgt-');
    folders.push(folder);
    return folder;
  };
}
