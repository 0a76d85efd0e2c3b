/**
 * The disks of registries that work VMs boot. They are taken where a network is used on purpose, `vmgate init` and the like;
 * what acts on a vmgate.yaml judges what is here, by vmgate.trust and vmgate.lock as they are now, and sends nothing.
 */
import { existsSync } from 'node:fs';
import type { Config } from '../../config/index.ts';
import { VmgateError } from '../../core/coded.ts';
import type { HomeLayout } from '../../home/index.ts';
import { hostPlatform } from '../../host/index.ts';
import { findPulledDisk, pulledDiskFile } from '../../image/index.ts';
import { keptImage, lockedImage, parseReference, readLockfile, registryErrors } from '../../oci/index.ts';
import { workErrors } from '../../work/index.ts';
import type { Context, Input } from '../command.ts';
import { lockFileOf } from '../template/lock-file.ts';
import { confirmedSigners } from '../template/trust-file.ts';
import { piecesOf } from './places.ts';
import { readDisk, takeImage } from './take.ts';

interface Wanted {
  readonly name: string;
  readonly reference: string;
}

function wantedBy({ work }: Pick<Config, 'work'>): readonly Wanted[] {
  return work.flatMap(({ name, source }) => (source.kind === 'oci' ? [{ name, reference: source.reference }] : []));
}

/**
 * Every one is here, signed by whom vmgate.trust names now, as vmgate.lock says, and for this machine.
 *
 * @param folder of vmgate.yaml
 * @throws WORK_IMAGE_ABSENT, WORK_IMAGE_ARCH; TRUST_*, REGISTRY_*
 */
export async function requireWorkImages(home: HomeLayout, folder: string, config: Pick<Config, 'work'>): Promise<void> {
  const wanted = wantedBy(config);
  if (wanted.length === 0) return;
  const { signers } = await confirmedSigners(home, folder);
  const lockfile = await readLockfile(lockFileOf(folder));
  for (const { name, reference } of wanted) {
    const locked = lockedImage(lockfile, parseReference(reference));
    if (locked === undefined) throw VmgateError.of(workErrors.WORK_IMAGE_ABSENT, { name, reference });
    const options = { store: piecesOf(home), locked, lock: 'require' } as const;
    const kept = await keptImage(reference, { signers }, options);
    const said = readDisk(kept);
    const { arch: machine } = hostPlatform();
    if (said.arch !== machine) {
      throw VmgateError.of(workErrors.WORK_IMAGE_ARCH, { name, reference, arch: said.arch, machine });
    }
    if (locked.image !== said.digest) {
      const drift = { reference, key: 'image', locked: locked.image, found: said.digest, sort: 'image' } as const;
      throw VmgateError.of(registryErrors.REGISTRY_LOCK_FALSE, drift);
    }
    const found = await findPulledDisk(home.images, kept.reference.digest);
    if (found?.digest !== said.digest || !existsSync(pulledDiskFile(home.images, found))) {
      throw VmgateError.of(workErrors.WORK_IMAGE_ABSENT, { name, reference });
    }
  }
}

/** The same error means the same thing wherever it is noticed: not here, or not locked here. */
const MISSING: readonly string[] = [
  workErrors.WORK_IMAGE_ABSENT.code,
  registryErrors.REGISTRY_NOT_HERE.code,
  registryErrors.REGISTRY_LOCK_DRIFT.code,
];

/**
 * Takes what is missing; asks no registry where nothing is.
 *
 * @throws what {@link requireWorkImages} and {@link takeImage} do
 */
export async function takeWorkImages(context: Context, input: Input, config: Pick<Config, 'work'>): Promise<void> {
  const home = context.home();
  for (const { name, reference } of wantedBy(config)) {
    const one = { work: config.work.filter((work) => work.name === name) };
    try {
      await requireWorkImages(home, context.cwd, one);
    } catch (cause) {
      const isStranger = VmgateError.is(cause) && cause.code === 'TRUST_SIGNER_NOT_ALLOWED';
      if (!VmgateError.is(cause) || !(MISSING.includes(cause.code) || isStranger)) throw cause;
      await takeImage(context, input, reference, 'update');
      await requireWorkImages(home, context.cwd, one);
    }
  }
}
