/** Folders with a vmgate.yaml, and what becomes of it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type LoadedConfig, loadConfig } from '../../../src/config/index.ts';

const folders: string[] = [];

/** `text` behind its version; `local`: a vmgate.local.yaml. */
export function loadWritten(text: string, local?: string): LoadedConfig {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'vgt-'));
  folders.push(folder);
  writeFileSync(path.join(folder, 'vmgate.yaml'), `version: 1\n${text}`);
  if (local !== undefined) writeFileSync(path.join(folder, 'vmgate.local.yaml'), local);
  return loadConfig(folder, '/no/home');
}

export function removeWritten(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}
