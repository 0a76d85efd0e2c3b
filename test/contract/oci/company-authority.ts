/** A company's certificate authority, made with openssl as companies do. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

export class CompanyAuthority {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'vmgate-company-'));
  /** PEM. */
  readonly certificate: string;

  constructor() {
    const extension = 'basicConstraints=critical,CA:TRUE';
    this.#openssl(
      ...['req', '-x509', ...NEW_KEY, '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=company', '-days', '2'],
      ...['-addext', extension],
    );
    this.certificate = readFileSync(path.join(this.folder, 'ca.crt'), 'utf8');
  }

  /** Files of a server's certificate and key. */
  issue(host: string): { readonly certificate: string; readonly key: string } {
    writeFileSync(path.join(this.folder, 'names'), `subjectAltName=DNS:${host}\nbasicConstraints=CA:FALSE\n`);
    this.#openssl('req', '-new', ...NEW_KEY, '-keyout', 'host.key', '-out', 'host.csr', '-subj', `/CN=${host}`);
    this.#openssl(
      ...['x509', '-req', '-in', 'host.csr', '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial'],
      ...['-days', '2', '-extfile', 'names', '-out', 'host.crt'],
    );
    return { certificate: path.join(this.folder, 'host.crt'), key: path.join(this.folder, 'host.key') };
  }

  clear(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #openssl(...argv: readonly string[]): void {
    execFileSync('openssl', argv, { cwd: this.folder, stdio: ['ignore', 'ignore', 'pipe'] });
  }
}
