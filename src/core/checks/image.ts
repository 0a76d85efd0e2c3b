/** Check `image`: the gateway runs the bytes whose digest was recorded, not what lies beside them on disk. */
import type { ImagePart } from '../../image/image.ts';
import { type Check, type Opinion, refuted, unknown, verified } from './check.ts';

export interface ImageFacts {
  /** `sha256:<hex>` of the manifest of the image that was booted. */
  readonly identity: string;
  /** What was written down when it was built or imported here, is in `vmgate.lock`, or is built into the CLI. */
  readonly recorded: string | undefined;
  /** Where `recorded` comes from, in plain words. */
  readonly recordedIn: string;
  /** Kernel and layers as the manifest names them. */
  readonly manifest: readonly ImagePart[];
  /** Digests of the very bytes given to the hypervisor, taken while they were copied. */
  readonly booted: readonly ImagePart[];
}

const REBUILD = 'vmgate down && vmgate image build gateway && vmgate up';

export const imageCheck: Check<ImageFacts> = {
  name: 'image',
  trust: {
    gatewayCouldFake: 'nothing: the gateway is not asked',
    hostWitness: 'the host hashed the bytes it gave to the hypervisor',
  },
  judge,
};

function judge({ identity, recorded, recordedIn, manifest, booted }: ImageFacts): Opinion {
  if (recorded === undefined) {
    return unknown('no digest was recorded for the gateway image', REBUILD, [`booted: ${identity}`]);
  }
  if (recorded !== identity) {
    return refuted(`the gateway image is not the one ${recordedIn}`, REBUILD, [
      `recorded: ${recorded}`,
      `booted: ${identity}`,
    ]);
  }
  if (booted.length === 0) return unknown('nothing says which bytes were booted', REBUILD);
  const strays = booted.filter(
    (part) => !manifest.some(({ name, digest }) => name === part.name && digest === part.digest),
  );
  if (strays.length > 0) {
    return refuted('bytes that were booted are not those of the image', REBUILD, strays.map(describe));
  }
  return verified(`the booted bytes are those of the image ${recordedIn}`, [identity, ...booted.map(describe)]);
}

function describe(part: ImagePart): string {
  return `${part.name}: ${part.digest} (${part.bytes} bytes)`;
}
