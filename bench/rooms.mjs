/** The doors of vmgate's rooms, for what the bench does itself: compiled from src, since a bundle has no doors. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const CHECKOUT = new URL('../', import.meta.url);
/** `outDir` of tsconfig.json. */
const COMPILED = new URL('build/', CHECKOUT);

let compiled;

/** @param {string} file path below src, ending in .js */
export async function loadRoom(file) {
  compiled ??= compile();
  await compiled;
  return import(new URL(file, COMPILED).href);
}

async function compile() {
  const compiler = fileURLToPath(new URL('node_modules/typescript/bin/tsc', CHECKOUT));
  await promisify(execFile)(process.execPath, [compiler, '-p', fileURLToPath(new URL('tsconfig.json', CHECKOUT))]);
}
