/**
 * Certificate authorities of a company's own, each for one registry: `certs.d/HOST[:PORT]/NAME.crt` beside docker's
 * configuration and in /etc/docker, where people who use that registry with docker have them already (docker's manual,
 * "Verify repository client with certificates"). They add to those compiled into Node, for that very host; an environment
 * variable would add to them for all.
 */
import { X509Certificate } from 'node:crypto';
import { open, readdir } from 'node:fs/promises';
import path from 'node:path';
import { VmgateError } from '../core/coded.ts';
import { objectionToFolder } from '../home/index.ts';
import { errnoOf, messageOf } from '../host/index.ts';
import { errors } from './codes.ts';

const MAX_FILE = 262_144;
const MAX_FILES = 32;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]{1,65536}-----END CERTIFICATE-----/g;
const WRITABLE_BY_OTHERS = 0o022;

/** Folders laid out as docker's `certs.d`, in the order they are read. */
export function authorityFolders(dockerConfig: string): readonly string[] {
  return [path.join(path.dirname(dockerConfig), 'certs.d'), '/etc/docker/certs.d'];
}

/**
 * PEM of every authority that counts for `host`, as a URL has it: without the port where that is 443.
 *
 * @throws REGISTRY_AUTHORITY_REFUSED for a file that others may write, or that holds no certificate
 */
export async function ownAuthorities(folders: readonly string[], host: string): Promise<readonly string[]> {
  const names = host.includes(':') ? [host] : [host, `${host}:443`];
  const found: string[] = [];
  for (const folder of folders.flatMap((each) => names.map((name) => path.join(each, name)))) {
    const files = (await readdir(folder).catch(noneThere)).filter((name) => name.endsWith('.crt')).sort();
    if (files.length > MAX_FILES) throw refused(folder, `it has more than ${MAX_FILES} certificates`);
    if (files.length > 0) requireOwn(folder);
    for (const file of files) found.push(...(await certificatesIn(path.join(folder, file))));
  }
  return found;
}

function noneThere(cause: unknown): string[] {
  if (errnoOf(cause) === 'ENOENT' || errnoOf(cause) === 'ENOTDIR') return [];
  throw cause;
}

/** Whoever can put a file there can be that registry. */
function requireOwn(folder: string): void {
  const objection = objectionToFolder(folder, process.getuid?.() ?? 0);
  if (objection !== undefined) throw refused(folder, `${objection.folder} ${objection.why}`);
}

async function certificatesIn(file: string): Promise<readonly string[]> {
  try {
    const handle = await open(file, 'r');
    try {
      const info = await handle.stat();
      if (!info.isFile()) throw new Error('it is no regular file');
      if ((info.mode & WRITABLE_BY_OTHERS) !== 0) throw new Error('it can be written by other users');
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAX_FILE + 1), 0, MAX_FILE + 1, 0);
      if (bytesRead > MAX_FILE) throw new Error(`it is longer than ${MAX_FILE} bytes`);
      const certificates = buffer.subarray(0, bytesRead).toString('latin1').match(CERTIFICATE) ?? [];
      if (certificates.length === 0) throw new Error('it holds no certificate in PEM');
      for (const certificate of certificates) requireAuthority(certificate);
      return certificates;
    } finally {
      await handle.close();
    }
  } catch (cause) {
    throw refused(file, messageOf(cause), cause);
  }
}

function requireAuthority(pem: string): void {
  const certificate = new X509Certificate(pem);
  // A registry's own certificate that signed itself is its own authority.
  const isItself = certificate.checkIssued(certificate);
  if (!certificate.ca && !isItself) throw new Error('it holds a certificate that is no authority');
}

function refused(place: string, why: string, cause?: unknown): VmgateError {
  return VmgateError.of(errors.REGISTRY_AUTHORITY_REFUSED, { place, why }, cause === undefined ? {} : { cause });
}

/** What TLS says of a certificate that does not count (OpenSSL's X509_V_ERR names, and Node's own for the name in it). */
const UNKNOWN_AUTHORITY =
  /^(UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_GET_ISSUER_CERT(_LOCALLY)?|CERT_UNTRUSTED|INVALID_CA)$/;
const BAD_CERTIFICATE = /^(CERT_[A-Z_]+|ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH|INVALID_PURPOSE)$/;

/** Undefined: it is not about a certificate. Asking again changes nothing about one. */
export function certificateFault(cause: unknown, host: string): VmgateError | undefined {
  const code = errnoOf(cause) ?? '';
  const isUnknown = UNKNOWN_AUTHORITY.test(code);
  if (!isUnknown && !BAD_CERTIFICATE.test(code)) return undefined;
  const payload = { registry: host, why: messageOf(cause), unknownAuthority: isUnknown };
  return VmgateError.of(errors.REGISTRY_CERTIFICATE_REFUSED, payload, { cause });
}
