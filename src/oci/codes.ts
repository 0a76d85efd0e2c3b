/** Error and event codes of the registry room. */
import { bytesText } from '../core/amounts.ts';
import { error, errorCodes, event, eventCodes } from '../core/coded.ts';

const asked = { exit: 2, source: 'user' } as const;
const network = { exit: 6, source: 'environment' } as const;
const hostile = { exit: 6, source: 'environment' } as const;

/** What an artifact is; unsaid: a template. */
export interface Artifact {
  readonly sort?: 'image' | 'template';
}

const askOwner = (registry: string) => `tell who runs ${registry}; nothing of it was used`;

export const errors = errorCodes({
  REGISTRY_REFERENCE_INVALID: error<{ reference: string; why: string }>({
    ...asked,
    what: ({ reference, why }) => `${JSON.stringify(reference)} is no reference: ${why}`,
    remedy: () => 'write it as HOST[:PORT]/REPOSITORY:TAG or HOST[:PORT]/REPOSITORY@sha256:DIGEST',
    sample: {
      reference: 'team/dev:3',
      why: 'it does not begin with a registry, as in registry.example.com/team/dev:3',
    },
  }),
  REGISTRY_UNREACHABLE: error<{ registry: string; why: string }>({
    ...network,
    what: ({ registry, why }) => `no answer from ${registry}: ${why}`,
    remedy: ({ registry }) => `check the name and your connection: curl -I https://${registry}/v2/`,
    sample: { registry: 'registry.example.com', why: 'getaddrinfo ENOTFOUND registry.example.com' },
  }),
  REGISTRY_CERTIFICATE_REFUSED: error<{ registry: string; why: string; unknownAuthority: boolean }>({
    exit: 6,
    source: 'environment',
    what: ({ registry, why }) => `${registry} shows a certificate that does not count: ${why}`,
    remedy: ({ registry, unknownAuthority }) =>
      unknownAuthority
        ? `somebody on this network may stand in for it; if your company has an authority of its own, get its certificate on another way than this network, then: install -D -m 644 CA.crt ~/.docker/certs.d/${registry}/ca.crt`
        : `somebody on this network may stand in for it; look at it from a network that you trust: openssl s_client -connect ${registry.includes(':') ? registry : `${registry}:443`}`,
    sample: {
      registry: 'registry.example.com',
      why: 'self-signed certificate in certificate chain',
      unknownAuthority: true,
    },
  }),
  REGISTRY_AUTHORITY_REFUSED: error<{ place: string; why: string }>({
    exit: 3,
    source: 'environment',
    what: ({ place, why }) => `the authority in ${place} is not used: ${why}`,
    remedy: ({ place }) => `put a certificate there that only you can write (chmod go-w ${place}), or remove it`,
    sample: { place: '/home/ann/.docker/certs.d/registry.example.com/ca.crt', why: 'it holds no certificate in PEM' },
  }),
  REGISTRY_TOO_SLOW: error<{ registry: string; doing: string; seconds: number }>({
    ...network,
    what: ({ registry, doing, seconds }) => `${registry} hardly moved for ${seconds} s while ${doing}`,
    remedy: () => 'try again on a better connection: what has arrived is kept, and the rest is asked for',
    sample: { registry: 'registry.example.com', doing: 'reading sha256:3f1c...', seconds: 20 },
  }),
  REGISTRY_BUSY: error<{ registry: string; status: number; attempts: number; retryAfterSeconds: number | null }>({
    ...network,
    what: ({ registry, status, attempts }) =>
      `${registry} answered ${status} ${attempts} ${attempts === 1 ? 'time' : 'times'}`,
    remedy: ({ retryAfterSeconds }) =>
      retryAfterSeconds === null ? 'try again later' : `try again in ${retryAfterSeconds} s: it asked for that`,
    sample: { registry: 'registry.example.com', status: 429, attempts: 1, retryAfterSeconds: 600 },
  }),
  REGISTRY_LOGIN_REFUSED: error<{ registry: string; repository: string; status: number; as: string | null }>({
    exit: 6,
    source: 'user',
    what: ({ registry, repository, status, as }) =>
      `${registry} does not let ${as === null ? 'somebody without a login' : JSON.stringify(as)} at ${repository} (status ${status})`,
    remedy: ({ registry }) => `docker login ${registry}`,
    sample: { registry: 'registry.example.com', repository: 'team/dev', status: 401, as: null },
  }),
  REGISTRY_CHALLENGE_UNUSABLE: error<{ registry: string; why: string }>({
    ...hostile,
    what: ({ registry, why }) => `${registry} asks for a login in a way that cannot be followed: ${why}`,
    remedy: ({ registry }) => askOwner(registry),
    sample: { registry: 'registry.example.com', why: 'its token server http://login.example.com is not on https' },
  }),
  REGISTRY_TOKEN_HOST_FOREIGN: error<{ registry: string; host: string }>({
    ...hostile,
    what: ({ registry, host }) => `${registry} wants your login sent to another host, ${host}`,
    remedy: ({ host }) => `if that is its token server, say so: add --token-host ${host}`,
    sample: { registry: 'registry.example.com', host: 'login.example.net' },
  }),
  REGISTRY_CREDENTIALS_UNREADABLE: error<{ place: string; why: string }>({
    exit: 3,
    source: 'environment',
    what: ({ place, why }) => `the login kept by ${place} cannot be read: ${why}`,
    remedy: () => 'make it anew: docker logout HOST, then docker login HOST',
    sample: { place: '/home/ann/.docker/config.json', why: 'it is not JSON' },
  }),
  REGISTRY_REDIRECT_REFUSED: error<{ from: string; to: string; why: string }>({
    ...hostile,
    what: ({ from, to, why }) => `${from} sends on to ${to}, which is not followed: ${why}`,
    remedy: ({ from }) => askOwner(from),
    sample: { from: 'registry.example.com', to: 'http://203.0.113.9', why: 'it leaves TLS' },
  }),
  REGISTRY_NOT_FOUND: error<{ reference: string }>({
    exit: 6,
    source: 'user',
    what: ({ reference }) => `there is no ${reference}, or none that you may see`,
    remedy: () => 'check the name and the tag with whoever pushed it; a private one wants docker login HOST first',
    sample: { reference: 'registry.example.com/team/dev:4' },
  }),
  REGISTRY_NOT_HERE: error<{ reference: string } & Artifact>({
    exit: 6,
    source: 'user',
    what: ({ reference }) => `${reference} is not whole on this machine, and no registry is asked for it now`,
    remedy: ({ reference, sort }) =>
      sort === 'image'
        ? `on a network that you trust with it: vmgate image pull ${reference}`
        : `on a network that you trust with it: vmgate template pull ${reference.replace(/@.*$/, '')} --locked`,
    sample: { reference: `registry.example.com/team/dev:3@sha256:${'3f'.repeat(32)}` },
  }),
  REGISTRY_ANSWER_UNEXPECTED: error<{ registry: string; doing: string; why: string }>({
    ...hostile,
    what: ({ registry, doing, why }) => `${registry} answered otherwise than a registry does while ${doing}: ${why}`,
    remedy: ({ registry }) => `look whether a registry answers there: curl -i https://${registry}/v2/`,
    sample: { registry: 'registry.example.com', doing: 'starting an upload', why: 'status 405' },
  }),
  REGISTRY_TOO_LARGE: error<{ what: string; bytes: number; most: number }>({
    ...hostile,
    what: ({ what, bytes, most }) => `${what} is ${bytesText(bytes)} or more, and at most ${bytesText(most)} is taken`,
    remedy: () => 'put large files into images, not into templates',
    sample: { what: 'the manifest of registry.example.com/team/dev:3', bytes: 5_000_000, most: 4_194_304 },
  }),
  REGISTRY_SIZE_MISMATCH: error<{ what: string; expected: number; actual: number }>({
    ...hostile,
    what: ({ what, expected, actual }) =>
      `${what} is to have ${expected} bytes, and ${actual} are said to come or came`,
    remedy: () => 'take it from a registry you trust, or tell who runs this one; nothing of it was used',
    sample: { what: 'sha256:3f1c...', expected: 1_024, actual: 2_048 },
  }),
  REGISTRY_TRUNCATED: error<{ what: string; expected: number; actual: number }>({
    ...network,
    what: ({ what, expected, actual }) => `${what} broke off again and again, last at ${actual} of ${expected} bytes`,
    remedy: () => 'try again: what has arrived is kept, and only the rest is asked for',
    sample: { what: 'sha256:3f1c...', expected: 1_048_576, actual: 524_288 },
  }),
  REGISTRY_DIGEST_MISMATCH: error<{ what: string; expected: string; actual: string }>({
    ...hostile,
    what: ({ what, expected, actual }) => `${what} is not what was asked for: ${actual} instead of ${expected}`,
    remedy: () => 'do not use this registry for it; nothing of it was used',
    sample: {
      what: 'the manifest of registry.example.com/team/dev:3',
      expected: `sha256:${'3f'.repeat(32)}`,
      actual: `sha256:${'a0'.repeat(32)}`,
    },
  }),
  REGISTRY_MANIFEST_INVALID: error<{ reference: string; why: string } & Artifact>({
    ...hostile,
    what: ({ reference, why, sort = 'template' }) => `${reference} is no ${sort}: ${why}`,
    remedy: ({ sort = 'template' }) => `check the reference; a ${sort} is what vmgate ${sort} push made`,
    sample: {
      reference: 'registry.example.com/team/app:1',
      why: 'its type is application/vnd.example, not application/vnd.vmgate.template.v1+json',
    },
  }),
  REGISTRY_FILES_REFUSED: error<{ path: string; why: string }>({
    exit: 6,
    source: 'user',
    what: ({ path, why }) => `the file ${JSON.stringify(path)} cannot be part of a template: ${why}`,
    remedy: () => 'a template has plain files below one folder: no links, no devices, no two names that differ in case',
    sample: { path: '../../.ssh/authorized_keys', why: 'its path leads out of the folder' },
  }),
  REGISTRY_STORE_FAILED: error<{ file: string; why: string }>({
    exit: 3,
    source: 'environment',
    what: ({ file, why }) => `could not keep ${file}: ${why}`,
    remedy: () => 'free some space or fix the permissions there; the space is shown by: df -h',
    sample: { file: '/home/ann/.vmgate/templates/blobs', why: 'ENOSPC: no space left on device, write' },
  }),
  REGISTRY_LAYOUT_INVALID: error<{ folder: string; why: string }>({
    ...asked,
    what: ({ folder, why }) => `${folder} does not hold templates as vmgate template export writes them: ${why}`,
    remedy: () => 'have it written anew: vmgate template export REF FOLDER; nothing of this one was used',
    sample: { folder: '/media/usb/dev', why: 'it has no oci-layout' },
  }),
  REGISTRY_LAYOUT_TAKEN: error<{ folder: string }>({
    ...asked,
    what: ({ folder }) => `${folder} is there already, with something in it`,
    remedy: () => 'name a folder that is not there yet',
    sample: { folder: '/media/usb/dev' },
  }),
  REGISTRY_LOCK_DAMAGED: error<{ file: string; why: string }>({
    ...asked,
    what: ({ file, why }) => `${file} cannot be read: ${why}`,
    remedy: ({ file }) => `take the last good one from your version control, or remove ${file} and pull again`,
    sample: { file: 'vmgate.lock', why: 'templates.registry.example.com/team/dev:3.digest: invalid' },
  }),
  REGISTRY_LOCK_FALSE: error<{ reference: string; key: string; locked: string; found: string } & Artifact>({
    exit: 6,
    source: 'user',
    what: ({ reference, key, locked, found }) =>
      `vmgate.lock was changed by hand: it says ${key} ${locked} of ${reference}, and that is ${found}`,
    remedy: ({ reference, sort }) =>
      sort === 'image'
        ? `take the last good one from your version control, or lock it anew: vmgate image pull ${reference}`
        : 'take the last good one from your version control, or look at the template and lock it anew: vmgate template update',
    sample: {
      reference: 'registry.example.com/team/dev:3',
      key: 'created',
      locked: '2020-01-01T00:00:00.000Z',
      found: '2026-03-04T00:00:00.000Z',
    },
  }),
  REGISTRY_LOCK_DRIFT: error<{ reference: string; locked: string; found: string } & Artifact>({
    exit: 6,
    source: 'user',
    what: ({ reference, locked, found }) => `${reference} is now ${found}; vmgate.lock says ${locked}`,
    remedy: ({ reference, found, sort }) =>
      sort === 'image'
        ? `if that is the one you want, take it on purpose: vmgate image pull ${reference}${/^sha256:/.test(found) ? `@${found}` : ''}`
        : `look at it: vmgate template diff ${reference}; and take it on purpose: vmgate template update ${reference}`,
    sample: {
      reference: 'registry.example.com/team/dev:3',
      locked: `sha256:${'3f'.repeat(32)}`,
      found: `sha256:${'a0'.repeat(32)}`,
    },
  }),
});

export const events = eventCodes({
  REGISTRY_TRANSFER: event<{ direction: string; digest: string; bytes: number; total: number }>({
    level: 'info',
    text: ({ direction, digest, bytes, total }) =>
      `${direction} ${digest.slice(0, 19)}: ${bytesText(bytes)} of ${bytesText(total)}`,
    sample: { direction: 'pull', digest: `sha256:${'3f'.repeat(32)}`, bytes: 512, total: 1_024 },
  }),
  REGISTRY_RETRY: event<{ registry: string; why: string; seconds: number }>({
    level: 'warn',
    text: ({ registry, why, seconds }) => `${registry}: ${why}; trying again in ${seconds} s`,
    sample: { registry: 'registry.example.com', why: 'status 503', seconds: 1 },
  }),
  REGISTRY_RESUMED: event<{ digest: string; bytes: number; total: number }>({
    level: 'info',
    text: ({ digest, bytes, total }) =>
      `pull ${digest.slice(0, 19)}: goes on at ${bytesText(bytes)} of ${bytesText(total)}`,
    sample: { digest: `sha256:${'3f'.repeat(32)}`, bytes: 512, total: 1_024 },
  }),
});
