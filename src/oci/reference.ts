/**
 * References to artifacts, as people type them: `registry.example.com:5000/team/dev:3@sha256:...`. The grammar is that of
 * the OCI distribution specification ("Pulling manifests") without its conveniences: no registry is implied, no tag is,
 * and no digest but sha256 names anything.
 */
import { VmgateError } from '../core/coded.ts';
import { errors } from './codes.ts';

export interface Reference {
  /** `registry.example.com` or `127.0.0.1:5000`; lower case. */
  readonly registry: string;
  /** `team/dev`. */
  readonly repository: string;
  readonly tag: string | undefined;
  /** `sha256:<64 hex>`. */
  readonly digest: string | undefined;
}

/** Clients and registries agree on 255 for host and repository together. */
const MAX_NAME = 255;
const MAX_REFERENCE = 512;
const MAX_PORT = 65_535;

const COMPONENT = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const REPOSITORY = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const HOST_LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const HOST = new RegExp(`^(?:${HOST_LABEL}(?:\\.${HOST_LABEL})*|\\[::1\\])$`);

export const DIGEST = /^sha256:[0-9a-f]{64}$/;

/**
 * Reads a reference. A bare name (`team/dev`) is refused rather than completed: whose registry it would mean is a guess.
 *
 * @throws REGISTRY_REFERENCE_INVALID
 */
export function parseReference(text: string): Reference {
  const invalid = (why: string) =>
    VmgateError.of(errors.REGISTRY_REFERENCE_INVALID, { reference: text.slice(0, MAX_REFERENCE), why });
  if (text.length > MAX_REFERENCE) throw invalid(`it is longer than ${MAX_REFERENCE} characters`);
  if (text.includes('://')) throw invalid('it begins with a scheme; write HOST/REPOSITORY:TAG');
  const [named = '', digest, ...more] = text.split('@');
  if (more.length > 0) throw invalid('it has more than one "@"');
  if (digest !== undefined && !DIGEST.test(digest)) {
    throw invalid('its digest is not sha256: and 64 lower-case hexadecimal digits');
  }
  const slash = named.indexOf('/');
  const registry = slash === -1 ? '' : named.slice(0, slash);
  if (!isRegistry(registry)) throw invalid('it does not begin with a registry, as in registry.example.com/team/dev:3');
  const path = named.slice(slash + 1);
  const colon = path.indexOf(':');
  const repository = colon === -1 ? path : path.slice(0, colon);
  const tag = colon === -1 ? undefined : path.slice(colon + 1);
  if (!REPOSITORY.test(repository)) {
    throw invalid('its repository may have lower-case letters, digits, and single ".", "_", "-" or "/" between them');
  }
  if (tag !== undefined && !TAG.test(tag)) throw invalid('its tag is none');
  if (registry.length + repository.length + 1 > MAX_NAME)
    throw invalid(`its name is longer than ${MAX_NAME} characters`);
  return { registry, repository, tag, digest };
}

/** A dot, a port, a bracket or `localhost` tells a host from the first part of a repository's name, as docker has it. */
function isRegistry(text: string): boolean {
  const [, host = '', port] = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(text) ?? [];
  if (!HOST.test(host)) return false;
  if (port !== undefined && (Number(port) < 1 || Number(port) > MAX_PORT || port.startsWith('0'))) return false;
  // 127.1, 0x7f.0.0.1 and 010.0.0.1 are other hosts to URLs than they look like.
  if (!URL.canParse(`https://${host}`) || new URL(`https://${host}`).hostname !== host) return false;
  return host.includes('.') || host.startsWith('[') || host === 'localhost' || port !== undefined;
}

/** {@link parseReference} of one that names a version. @throws REGISTRY_REFERENCE_INVALID */
export function requireVersion(text: string): Reference {
  const reference = parseReference(text);
  if (reference.tag !== undefined || reference.digest !== undefined) return reference;
  const why = 'it names no version: add :TAG or @sha256:DIGEST';
  throw VmgateError.of(errors.REGISTRY_REFERENCE_INVALID, { reference: text, why });
}

/** The way it is written everywhere. */
export function formatReference({ registry, repository, tag, digest }: Reference): string {
  return `${registry}/${repository}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
}

/** `registry.example.com/team/dev`: what signers are allowed for. */
export function repositoryName({ registry, repository }: Reference): string {
  return `${registry}/${repository}`;
}

/** This machine and nobody else: the only hosts that are spoken to without TLS. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(hostname);
}

/** `https://registry.example.com`, `http://127.0.0.1:5000`. */
export function originOf({ registry }: Pick<Reference, 'registry'>): URL {
  const host = new URL(`https://${registry}`).hostname;
  return new URL(`${isLoopback(host) ? 'http' : 'https'}://${registry}`);
}
