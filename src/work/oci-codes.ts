/** What can be wrong with a work VM's disk that is one of a registry. */
import { error } from '../core/coded.ts';

interface Named {
  readonly name: string;
  /** As vmgate.yaml has it, with its digest. */
  readonly reference: string;
}

const reference = `registry.example.com/team/desktop:7@sha256:${'3f'.repeat(32)}`;

export const ociErrors = {
  WORK_IMAGE_ABSENT: error<Named>({
    exit: 3,
    source: 'user',
    what: ({ name, reference: image }) =>
      `work VM ${name} boots ${image}, which is not whole on this machine, and a start downloads nothing`,
    remedy: ({ reference: image }) => `on a network that you trust with it: vmgate image pull ${image}`,
    sample: { name: 'web', reference },
  }),
  WORK_IMAGE_ARCH: error<Named & { arch: string; machine: string }>({
    exit: 2,
    source: 'user',
    what: ({ name, reference: image, arch, machine }) =>
      `work VM ${name} boots ${image}, which is for ${arch}; this machine is ${machine}`,
    remedy: ({ machine }) => `name one that was pushed for it: vmgate image push REF FILE --arch ${machine}`,
    sample: { name: 'web', reference, arch: 'arm64', machine: 'amd64' },
  }),
  WORK_IMAGE_OTHER: error<Named & { made: string }>({
    exit: 4,
    source: 'user',
    what: ({ name, reference: image, made }) =>
      `work VM ${name} was made from the disk ${made.slice(0, 12)}, and vmgate.yaml names another one: ${image}`,
    remedy: ({ name }) => `name the old one again, or drop what ${name} wrote: vmgate vm rebuild ${name}`,
    sample: { name: 'web', reference, made: 'a0'.repeat(32) },
  }),
  WORK_IMAGE_DAMAGED: error<{ file: string; reference: string; expected: string; actual: string }>({
    exit: 4,
    source: 'environment',
    what: ({ file, expected, actual }) => `${file} is not the disk that was taken: ${actual}, not ${expected}`,
    remedy: ({ reference: image }) => `take it again: vmgate image pull ${image}`,
    sample: {
      file: `/home/ada/.vmgate/images/disks/${'a0'.repeat(32)}.qcow2`,
      reference,
      expected: `sha256:${'a0'.repeat(32)}`,
      actual: `sha256:${'b1'.repeat(32)}`,
    },
  }),
};
