import { type CodedEvent, error, errorCodes, event, eventCodes } from '../core/coded.ts';

/** `43.2 MB`, decimal as download sizes usually are. */
function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}

export const errors = errorCodes({
  IMAGE_NO_BUILDER: error<{ kind: string; missing: readonly string[]; install: string | undefined; docker: string }>({
    exit: 3,
    source: 'environment',
    what: ({ kind, missing, docker }) =>
      `the ${kind} image cannot be built here: ${missing.join(' and ')} not installed, ` +
      `and Docker cannot be used (${docker})`,
    remedy: ({ install }) =>
      `${install ?? 'start Docker'}; or take an image built elsewhere: vmgate image import FILE-OR-FOLDER`,
    sample: {
      kind: 'gateway',
      missing: ['mmdebstrap'],
      install: 'sudo apt-get install --no-install-recommends -y mmdebstrap',
      docker: 'connect ENOENT /var/run/docker.sock',
    },
  }),
  IMAGE_NO_SPACE: error<{ folder: string; neededBytes: number; freeBytes: number }>({
    exit: 3,
    source: 'environment',
    what: ({ folder, neededBytes, freeBytes }) =>
      `building an image needs about ${megabytes(neededBytes)} in ${folder}; ${megabytes(freeBytes)} are free`,
    remedy: ({ folder }) => `free some space there, then try again: df -h ${folder}`,
    sample: { folder: '/home/ann/.vmgate/images', neededBytes: 900_000_000, freeBytes: 120_000_000 },
  }),
  IMAGE_DOWNLOAD_FAILED: error<{ kind: string; outcome: string }>({
    exit: 3,
    source: 'environment',
    what: ({ kind, outcome }) => `the packages of the ${kind} image could not be fetched and unpacked: ${outcome}`,
    remedy: ({ kind }) =>
      `check that apt works on this machine (apt-get update), then: vmgate image build ${kind}; ` +
      'without a network: vmgate image import FILE-OR-FOLDER',
    sample: { kind: 'gateway', outcome: 'mmdebstrap ended with status 25' },
  }),
  IMAGE_BUILD_INTERRUPTED: error<{ kind: string }>({
    exit: 130,
    source: 'user',
    what: ({ kind }) => `building the ${kind} image was interrupted; nothing was left behind`,
    remedy: ({ kind }) => `vmgate image build ${kind}`,
    sample: { kind: 'gateway' },
  }),
  IMAGE_FOREIGN_ARCH: error<{ kind: string; arch: string; host: string }>({
    exit: 3,
    source: 'environment',
    what: ({ kind, arch, host }) =>
      `the ${kind} image for ${arch} cannot be built on ${host}: its packages run their own set-up while they are installed`,
    remedy: ({ kind }) =>
      `build it on such a machine, and take it from there: vmgate image import FILE-OR-FOLDER (${kind})`,
    sample: { kind: 'debian', arch: 'arm64', host: 'amd64' },
  }),
  IMAGE_RECIPE_UNMET: error<{ recipe: string; wants: string; arch: string }>({
    exit: 1,
    source: 'vmgate',
    what: ({ recipe, wants, arch }) => `the recipe ${recipe} wants ${wants}, which Debian's packages for ${arch} lack`,
    remedy: ({ recipe }) => `Debian has moved it: report this, or correct provision/image/${recipe}.yaml`,
    sample: { recipe: 'gateway', wants: 'the kernel module nft_fib_inet', arch: 'arm64' },
  }),
  IMAGE_RECIPE_INVALID: error<{ file: string; why: string }>({
    exit: 1,
    source: 'vmgate',
    what: ({ file, why }) => `the image recipe ${file} cannot be read: ${why}`,
    remedy: () => 'this file is part of vmgate: reinstall it',
    sample: { file: 'provision/image/gateway.yaml', why: 'layers: expected array' },
  }),
  IMAGE_DIGEST_MISMATCH: error<{ kind: string; file: string; expected: string; actual: string }>({
    exit: 4,
    source: 'environment',
    what: ({ file, expected, actual }) => `${file} is not what was recorded: expected ${expected}, found ${actual}`,
    remedy: ({ kind }) => `the file was changed or damaged; build it again: vmgate image build ${kind}`,
    sample: {
      kind: 'gateway',
      file: '/home/ann/.vmgate/images/3fa4b2c1/base.cpio',
      expected: 'sha256:3fa4b2c1',
      actual: 'sha256:9ac41b07',
    },
  }),
  IMAGE_NOT_FOUND: error<{ kind: string; arch: string }>({
    exit: 3,
    source: 'environment',
    what: ({ kind, arch }) => `there is no ${kind} image for ${arch} on this machine`,
    remedy: ({ kind }) => `vmgate image build ${kind}; or: vmgate image import FILE-OR-FOLDER`,
    sample: { kind: 'gateway', arch: 'amd64' },
  }),
  IMAGE_LAYER_MISSING: error<{ kind: string; layer: string; has: readonly string[] }>({
    exit: 3,
    source: 'environment',
    what: ({ layer, has }) => `the image has no layer ${layer}, only ${has.join(', ')}`,
    remedy: ({ kind }) => `vmgate image build ${kind}`,
    sample: { kind: 'gateway', layer: 'openvpn', has: ['base', 'wireguard'] },
  }),
  IMAGE_UNREADABLE: error<{ source: string; why: string }>({
    exit: 2,
    source: 'user',
    what: ({ source, why }) => `${source} is not an image: ${why}`,
    remedy: () =>
      'give a folder with manifest.json and the files it names, or a tar of one: vmgate image import FILE-OR-FOLDER',
    sample: { source: './gateway.tar', why: 'manifest.json is missing' },
  }),
  IMAGE_PACKAGE_FOREIGN: error<{ package: string; folder: string; digest: string; why: string }>({
    exit: 6,
    source: 'environment',
    what: ({ package: name, digest, why }) =>
      `the package ${name} does not hold the gateway that this vmgate was released with (${digest.slice(0, 19)}): ${why}`,
    remedy: ({ folder }) =>
      `rm -r ${folder}, then take this release from npm anew: it comes with the package that belongs to it`,
    sample: {
      package: '@vmgate/gateway-amd64',
      folder: '/usr/lib/node_modules/@vmgate/gateway-amd64',
      digest: 'sha256:3fa4b2c1d0e9f8a7',
      why: 'base.cpio is not what was recorded: expected sha256:3fa4b2c1, found sha256:9ac41b07',
    },
  }),
  IMAGE_UPDATES_NO_APT: error<{ missing: readonly string[]; install: string | undefined }>({
    exit: 3,
    source: 'environment',
    what: ({ missing }) => `updates cannot be looked up here: ${missing.join(' and ')} not installed`,
    remedy: ({ install }) =>
      install ??
      'ask on a machine with Debian or Ubuntu that has the same image: vmgate image list --updates; ' +
        'or build anew, which takes what is newest: vmgate image build',
    sample: { missing: ['apt-get', 'apt-cache', 'mmdebstrap'], install: undefined },
  }),
  IMAGE_UPDATES_UNANSWERED: error<{ suites: readonly string[] }>({
    exit: 3,
    source: 'environment',
    what: ({ suites }) =>
      `no list of packages came through the tunnel (${suites.join(', ')}): what is newer is not known`,
    remedy: () =>
      'see whether the gate carries anything (vmgate proxy -- curl https://example.org), then: vmgate image list --updates',
    sample: { suites: ['trixie', 'trixie-updates', 'trixie-security'] },
  }),
  IMAGE_UPDATES_FAILED: error<{ why: string }>({
    exit: 3,
    source: 'environment',
    what: ({ why }) => `updates cannot be told: ${why}`,
    remedy: () =>
      'build anew, which takes what is newest: vmgate image build; and report this, with the version of apt (apt-get --version)',
    sample: { why: 'apt-cache policy says what is not understood' },
  }),
  IMAGE_STORE_UNREADABLE: error<{ file: string; why: string }>({
    exit: 3,
    source: 'environment',
    what: ({ file, why }) => `the list of images ${file} cannot be read: ${why}`,
    remedy: ({ file }) => `rm ${file}, then build or import the images again: vmgate image build gateway`,
    sample: { file: '/home/ann/.vmgate/images/current.json', why: 'not JSON' },
  }),
});

export const events = eventCodes({
  IMAGE_BUILD_STARTED: event<{ kind: string; arch: string; downloadBytes: number; seconds: number; where: string }>({
    level: 'info',
    text: ({ kind, arch, downloadBytes, seconds, where }) =>
      downloadBytes === 0
        ? `building the ${kind} image (${arch}) from packages already here, about ${seconds} s`
        : `building the ${kind} image (${arch}) ${where}: at most about ${megabytes(downloadBytes)} of Debian packages ` +
          `to download, about ${seconds} s at 20 Mbit/s`,
    sample: { kind: 'gateway', arch: 'amd64', downloadBytes: 58_000_000, seconds: 45, where: 'with mmdebstrap' },
  }),
  IMAGE_WAITING: event<{ kind: string }>({
    level: 'info',
    text: ({ kind }) => `another image is being built in this home folder; the ${kind} image waits for its turn`,
    sample: { kind: 'browser' },
  }),
  IMAGE_DOWNLOAD: event<{ kind: string; missingBytes: number; totalBytes: number }>({
    level: 'info',
    text: ({ missingBytes, totalBytes }) =>
      missingBytes === 0
        ? `packages: ${megabytes(totalBytes)}, all cached`
        : `packages: downloading ${megabytes(missingBytes)} of ${megabytes(totalBytes)}`,
    sample: { kind: 'gateway', missingBytes: 41_200_000, totalBytes: 46_000_000 },
  }),
  IMAGE_DOWNLOADING: event<{ kind: string; doneBytes: number; totalBytes: number }>({
    level: 'info',
    text: ({ doneBytes, totalBytes }) => `packages: ${megabytes(doneBytes)} of ${megabytes(totalBytes)}`,
    sample: { kind: 'gateway', doneBytes: 20_100_000, totalBytes: 41_200_000 },
  }),
  IMAGE_INSTALLING: event<{ kind: string; packages: number }>({
    level: 'info',
    text: ({ packages }) => `installing Debian, with ${packages} packages beside its essential ones`,
    sample: { kind: 'debian', packages: 13 },
  }),
  IMAGE_PACKING: event<{ kind: string; layer: string; bytes: number }>({
    level: 'info',
    text: ({ layer, bytes }) =>
      `compressing ${layer === 'kernel' ? 'the kernel' : `layer ${layer}`} (${megabytes(bytes)})`,
    sample: { kind: 'gateway', layer: 'base', bytes: 17_000_000 },
  }),
  IMAGE_FROM_PACKAGE: event<{ arch: string; package: string; digest: string }>({
    level: 'info',
    text: ({ arch, package: name, digest }) =>
      `gateway image (${arch}) taken from the package ${name}: ${digest.slice(0, 19)}`,
    sample: { arch: 'arm64', package: '@vmgate/gateway-arm64', digest: 'sha256:3fa4b2c1d0e9f8a7' },
  }),
  IMAGE_BUILT: event<{ kind: string; arch: string; digest: string; bytes: number; seconds: number }>({
    level: 'info',
    text: ({ kind, arch, digest, bytes, seconds }) =>
      `${kind} image (${arch}) ready: ${megabytes(bytes)}, ${digest.slice(0, 19)}, took ${seconds.toFixed(1)} s`,
    sample: { kind: 'gateway', arch: 'amd64', digest: 'sha256:3fa4b2c1d0e9f8a7', bytes: 18_000_000, seconds: 21.4 },
  }),
});

/** What a long operation tells while it runs. */
export type Progress = (event: CodedEvent) => void;
