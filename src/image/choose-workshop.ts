import { VmgateError } from '../core/coded.ts';
import { hostPlatform, installLine } from '../host/index.ts';
import { errors } from './codes.ts';
import type { ImageKind } from './image.ts';
import { localWorkshop, missingTools } from './local-workshop.ts';
import type { Workshop } from './workshop.ts';

/**
 * This machine if it has the tools, else Docker.
 *
 * @param withDisk the image has a disk, which takes more of them
 * @throws IMAGE_NO_BUILDER
 */
export async function chooseWorkshop(kind: ImageKind, withDisk: boolean): Promise<Workshop> {
  const missing = missingTools(withDisk);
  if (missing.length === 0) return localWorkshop;
  const { connectDocker, dockerObjection, DockerWorkshop } = await import('./docker-workshop.ts');
  const docker = await connectDocker();
  const objection = await dockerObjection(docker);
  if (objection !== undefined)
    throw VmgateError.of(errors.IMAGE_NO_BUILDER, { kind, missing, install: installFor(missing), docker: objection });
  return new DockerWorkshop(docker, withDisk);
}

/** Only where the distribution has mmdebstrap at all. */
function installFor(missing: readonly string[]): string | undefined {
  const { family } = hostPlatform();
  if (family !== 'debian' && family !== 'fedora') return undefined;
  return missing.map((tool) => installLine(tool)).join(' && ');
}
