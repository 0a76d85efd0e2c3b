/** The guard as a program: one file built from src, because Node 20 does not run TypeScript. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';

/** Builds `entry` (below the repository's root) and answers the program's path. */
export async function buildProgram(entry: string): Promise<string> {
  // A library in CommonJS asks for Node's own modules by name, which a bundle of ES modules has no word for.
  const banner = { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" };
  const outfile = path.join(mkdtempSync(path.join(tmpdir(), 'vmgate-build-')), 'program.mjs');
  await build({
    entryPoints: [entry],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    outfile,
    banner,
  });
  return outfile;
}
