/** What can be wrong with a disk, or with an overlay over it. */
import { bytesText } from '../core/amounts.ts';
import { error } from '../core/coded.ts';

interface Disk {
  readonly file: string;
}

export const diskErrors = {
  WORK_DISK_MISSING: error<Disk & { why: string }>({
    exit: 2,
    source: 'user',
    what: ({ file, why }) => `the disk ${file} cannot be read: ${why}`,
    remedy: () => 'correct disk in vmgate.yaml',
    sample: { file: '/home/ada/vms/acme.qcow2', why: 'ENOENT' },
  }),
  WORK_DISK_NOT_A_FILE: error<Disk & { kind: string }>({
    exit: 2,
    source: 'user',
    what: ({ file, kind }) => `the disk ${file} is ${kind}; vmgate takes regular files only`,
    remedy: ({ file }) => `make an image of it: qemu-img convert -O qcow2 ${file} disk.qcow2`,
    sample: { file: '/dev/sda', kind: 'a block device' },
  }),
  WORK_DISK_FORMAT: error<Disk & { format: string }>({
    exit: 2,
    source: 'user',
    what: ({ file, format }) => `the disk ${file} is in ${format} format; vmgate takes qcow2 and raw`,
    remedy: ({ file }) => `qemu-img convert -O qcow2 ${file} disk.qcow2`,
    sample: { file: '/home/ada/vms/acme.vmdk', format: 'VMDK' },
  }),
  WORK_DISK_BACKING: error<Disk & { backing: string }>({
    exit: 4,
    source: 'user',
    what: ({ file, backing }) =>
      `the disk ${file} has the backing file ${backing}: it would show files of this machine to the VM, or make QEMU connect out`,
    remedy: ({ file }) => `if you trust that file, merge it in: qemu-img convert -O qcow2 ${file} disk.qcow2`,
    sample: { file: '/home/ada/vms/acme.qcow2', backing: '/etc/shadow' },
  }),
  WORK_DISK_DATA_FILE: error<Disk & { data: string }>({
    exit: 4,
    source: 'user',
    what: ({ file, data }) =>
      `the disk ${file} keeps its data in another file (${data}), which could be any of this machine`,
    remedy: ({ file }) => `if you trust that file, merge it in: qemu-img convert -O qcow2 ${file} disk.qcow2`,
    sample: { file: '/home/ada/vms/acme.qcow2', data: '/dev/sda' },
  }),
  WORK_DISK_ENCRYPTED: error<Disk>({
    exit: 2,
    source: 'user',
    what: ({ file }) => `the disk ${file} is encrypted, and vmgate has no key for it`,
    remedy: () => 'decrypt it with the program that made it, and encrypt inside the VM or on the host disk instead',
    sample: { file: '/home/ada/vms/acme.qcow2' },
  }),
  WORK_DISK_UNKNOWN_FEATURE: error<Disk & { feature: string }>({
    exit: 2,
    source: 'user',
    what: ({ file, feature }) => `the disk ${file} needs a qcow2 feature that vmgate does not know: ${feature}`,
    remedy: ({ file }) => `qemu-img convert -O qcow2 -o compat=1.1 ${file} disk.qcow2`,
    sample: { file: '/home/ada/vms/acme.qcow2', feature: 'incompatible bit 5' },
  }),
  WORK_DISK_CORRUPT: error<Disk & { why: string }>({
    exit: 2,
    source: 'user',
    what: ({ file, why }) => `the disk ${file} is damaged: ${why}`,
    remedy: ({ file }) => `qemu-img check -r all ${file}   (keep a copy first)`,
    sample: { file: '/home/ada/vms/acme.qcow2', why: 'its header is cut short' },
  }),
  WORK_DISK_OVERLAY_FOREIGN: error<Disk & { why: string }>({
    exit: 4,
    source: 'environment',
    what: ({ file, why }) => `the overlay ${file} is not the one vmgate made: ${why}`,
    remedy: ({ file }) => `rm ${file}   and the VM starts from its base disk again (what it wrote since is lost)`,
    sample: { file: '/home/ada/.vmgate/gates/default/vm/web/overlay.qcow2', why: 'it lies over /etc/shadow' },
  }),
  WORK_DISK_BASE_CHANGED: error<{ name: string; disk: string; made: string | null }>({
    exit: 4,
    source: 'user',
    what: ({ name, disk, made }) =>
      `the disk ${disk} is not the one that work VM ${name} was made from${made === null ? '' : ` (${made})`}: it was changed since, and over other bytes what the VM wrote is garbage`,
    remedy: ({ name }) => `put the old disk back, or: vmgate vm rebuild ${name}`,
    sample: { name: 'win', disk: '/home/ada/vms/acme.qcow2', made: null },
  }),
  WORK_DISK_TOO_LARGE: error<Disk & { bytes: number; mostBytes: number }>({
    exit: 2,
    source: 'user',
    what: ({ file, bytes, mostBytes }) =>
      `the disk ${file} says it holds ${bytesText(bytes)}; vmgate takes up to ${bytesText(mostBytes)}`,
    remedy: () => 'shrink it where it was made',
    sample: { file: '/home/ada/vms/acme.qcow2', bytes: 1.1e15, mostBytes: 4_398_046_511_104 },
  }),
  WORK_DISK_EXTENTS: error<Disk & { extent: string }>({
    exit: 4,
    source: 'user',
    what: ({ file, extent }) =>
      `the disk ${file} keeps its data in other files (${extent}), which could be any of this machine`,
    remedy: ({ file }) => `if you trust it, make one file of it: qemu-img convert -f vmdk -O qcow2 ${file} disk.qcow2`,
    sample: { file: '/home/ada/vms/acme.vmdk', extent: '/etc/shadow' },
  }),
  WORK_DISK_OVERLAY_FAILED: error<Disk & { why: string }>({
    exit: 5,
    source: 'environment',
    what: ({ file, why }) => `the overlay ${file} could not be made: ${why}`,
    remedy: ({ file }) => `df -h ${file}   shows whether there is room`,
    sample: { file: '/home/ada/.vmgate/gates/default/vm/web/overlay.qcow2', why: 'No space left on device' },
  }),
  WORK_DISK_TO_FETCH: error<Disk & { url: string; digest: string }>({
    exit: 2,
    source: 'user',
    what: ({ file }) => `the disk ${file} is not there, and vmgate downloads nothing by itself`,
    remedy: ({ file, url }) => `where you trust the network: curl -fLo ${file} ${url}; its digest is judged by vmgate`,
    sample: {
      file: '/home/ada/vms/debian-13.qcow2',
      url: 'https://images.example/debian-13.qcow2',
      digest: `sha256:${'3f'.repeat(32)}`,
    },
  }),
  WORK_DISK_NOT_THAT_ONE: error<Disk & { url: string; expected: string; actual: string }>({
    exit: 4,
    source: 'user',
    what: ({ file, expected, actual }) =>
      `the disk ${file} is another one than it should be: ${actual}, not ${expected}`,
    remedy: ({ file, url }) =>
      `get it again, and if it stays another one, ask whoever wrote its digest: curl -fLo ${file} ${url}`,
    sample: {
      file: '/home/ada/vms/debian-13.qcow2',
      url: 'https://images.example/debian-13.qcow2',
      expected: `sha256:${'3f'.repeat(32)}`,
      actual: `sha256:${'a0'.repeat(32)}`,
    },
  }),
  WORK_DISK_NO_ARCH: error<Disk & { arch: string; listed: string }>({
    exit: 2,
    source: 'user',
    what: ({ file, arch, listed }) => `the disk ${file} is published for ${listed}, and this machine is ${arch}`,
    remedy: () => 'add the one for this machine to from, with its digest',
    sample: { file: '/home/ada/vms/acme.qcow2', arch: 'arm64', listed: 'amd64' },
  }),
  WORK_IMAGE_GONE: error<{ name: string; kind: string; digest: string }>({
    exit: 3,
    source: 'user',
    what: ({ name, digest }) => `${name} was made from the image ${digest}, which is gone from this machine`,
    remedy: ({ name }) =>
      `bring it back: vmgate image import FILE-OR-FOLDER; or drop what ${name} wrote: vmgate vm reset ${name}`,
    sample: { name: 'dev', kind: 'debian', digest: `sha256:${'3f'.repeat(32)}` },
  }),
  WORK_IMAGE_NO_DISK: error<{ kind: string; digest: string }>({
    exit: 3,
    source: 'environment',
    what: ({ kind, digest }) => `the ${kind} image ${digest} has no disk`,
    remedy: ({ kind }) => `vmgate image build ${kind}`,
    sample: { kind: 'debian', digest: `sha256:${'3f'.repeat(32)}` },
  }),
};
