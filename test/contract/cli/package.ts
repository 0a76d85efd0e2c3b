/** vmgate as it is published: built and packed from a copy of this checkout, so that `dist` stays as it is. */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { repository, trackedFiles } from '../../unit/house/sources.ts';

const exec = promisify(execFile);

export interface Package {
  /** Everything is below it. */
  readonly folder: string;
  readonly tarball: string;
  readonly tarballBytes: number;
  /** Paths inside the package, and their sizes. */
  readonly files: ReadonlyMap<string, number>;
  remove(): Promise<void>;
}

/** `npm pack` of what git knows: a file that is not listed in package.json must not get in. */
export async function packPackage(): Promise<Package> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'vmg-pack-'));
  const copy = path.join(folder, 'checkout');
  for (const file of trackedFiles()) await cp(path.join(repository, file), path.join(copy, file));
  await exec(process.execPath, [path.join(repository, 'packaging', 'build.mjs'), path.join(copy, 'dist')]);
  const argv = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const { stdout } = await exec('npm', argv, { cwd: copy });
  const [{ filename, size, files }] = JSON.parse(stdout) as [
    { filename: string; size: number; files: readonly { path: string; size: number }[] },
  ];
  return {
    folder,
    tarball: path.join(folder, filename),
    tarballBytes: size,
    files: new Map(files.map((file) => [file.path, file.size])),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

export interface Installed {
  readonly prefix: string;
  /** The installed package. */
  readonly folder: string;
  /** The command as it lies in the PATH. */
  readonly command: string;
}

/** `npm install --global` of the file into an empty prefix; npm asks nobody. */
export async function installPackage({ folder, tarball }: Package): Promise<Installed> {
  const prefix = await mkdtemp(path.join(folder, 'prefix-'));
  await exec('npm', ['install', '--global', '--offline', '--prefix', prefix, tarball], { cwd: folder });
  return {
    prefix,
    folder: path.join(prefix, 'lib', 'node_modules', 'vmgate'),
    command: path.join(prefix, 'bin', 'vmgate'),
  };
}
