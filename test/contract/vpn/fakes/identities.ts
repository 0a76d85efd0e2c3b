/** Certificates for fake servers, and what a profile says of them. */
import { execFileSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Identity } from './https.ts';

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

export class Identities {
  readonly #folder: string;
  readonly authority: string;

  /** @param folder a fresh one's path */
  constructor(folder: string) {
    this.#folder = folder;
    const usage = ['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign'];
    this.#openssl('req', '-x509', ...NEW_KEY, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=ca', ...usage);
    this.authority = this.#text('ca.pem');
  }

  /** By the authority, for a name: valid for so many days, of which there may be less than none. */
  issue(name: string, days = 2): Identity {
    writeFileSync(path.join(this.#folder, 'leaf.ext'), `subjectAltName=DNS:${name}\nbasicConstraints=CA:FALSE\n`);
    this.#openssl('req', '-new', ...NEW_KEY, '-keyout', 'leaf.key', '-out', 'leaf.csr', '-subj', `/CN=${name}`);
    const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', String(days)];
    this.#openssl('x509', '-req', '-in', 'leaf.csr', ...signed, '-extfile', 'leaf.ext', '-out', 'leaf.pem');
    return { certificate: this.#text('leaf.pem'), key: this.#text('leaf.key') };
  }

  #openssl(...argv: readonly string[]): void {
    execFileSync('openssl', argv, { cwd: this.#folder, stdio: ['ignore', 'ignore', 'pipe'] });
  }

  #text(name: string): string {
    return readFileSync(path.join(this.#folder, name), 'utf8');
  }
}

/** As `servercert` has it. */
export function pinOf({ certificate }: Identity): string {
  const key = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' });
  return `pin-sha256:${createHash('sha256').update(key).digest('base64')}`;
}
