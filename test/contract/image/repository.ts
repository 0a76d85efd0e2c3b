/** A repository of Debian packages on the loopback, signed with a key of its own; and who asked it for what. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { requireTool } from '../../../src/host/index.ts';
import type { AptSource } from '../../../src/image/apt-sources.ts';

export interface Suite {
  readonly name: string;
  /** `NAME VERSION`, each. */
  readonly packages: readonly string[];
  readonly arch?: string;
  readonly signed?: boolean;
  readonly validUntil?: Date;
}

export class Repository {
  /** Paths, in order. */
  readonly asked: string[] = [];
  connections = 0;
  readonly keyring: string;
  readonly #files = new Map<string, string>();
  readonly #server = http.createServer((request, response) => {
    const file = decodeURI(request.url ?? '');
    this.asked.push(file);
    const content = this.#files.get(file);
    response.writeHead(content === undefined ? 404 : 200).end(content ?? 'nothing here');
  });
  readonly #gnupg: string;

  private constructor(folder: string) {
    this.#gnupg = path.join(folder, 'gnupg');
    this.keyring = path.join(folder, 'keyring.asc');
    mkdirSync(this.#gnupg, { recursive: true, mode: 0o700 });
    this.#gpg(['--passphrase', '', '--quick-generate-key', 'packages.example', 'ed25519', 'sign', 'never']);
    writeFileSync(this.keyring, this.#gpg(['--armor', '--export']), { mode: 0o644 });
    this.#server.on('connection', () => {
      this.connections += 1;
    });
  }

  /** @param folder short: gpg puts a socket into it */
  static async in(folder: string): Promise<Repository> {
    const repository = new Repository(folder);
    repository.#server.listen(0, '127.0.0.1');
    await once(repository.#server, 'listening');
    return repository;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** What stands there, by path. */
  get files(): ReadonlyMap<string, string> {
    return this.#files;
  }

  /** What stood there before is gone, and nobody has asked yet. */
  publish(...suites: readonly Suite[]): void {
    this.#files.clear();
    this.asked.length = 0;
    this.connections = 0;
    for (const suite of suites) this.#publish(suite);
  }

  /** Other bytes than those that were signed. */
  alter(file: string, change: (content: string) => string): void {
    this.#files.set(file, change(this.#files.get(file) ?? ''));
  }

  source(suite: string, host = 'packages.example'): AptSource {
    const line = `deb [signed-by="${this.keyring}"] http://${host}/debian ${suite} main`;
    return { line, suite, components: ['main'] };
  }

  async close(): Promise<void> {
    execFileSync(requireTool('gpgconf'), ['--homedir', this.#gnupg, '--kill', 'all']);
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #publish({ name, packages, arch = 'amd64', signed = true, validUntil }: Suite): void {
    const list = packages.map((each) => stanza(each, arch)).join('');
    const file = `main/binary-${arch}/Packages`;
    const sum = createHash('sha256').update(list).digest('hex');
    const release = [
      ...['Origin: Debian', `Suite: ${name}`, `Codename: ${name}`, `Architectures: ${arch}`, 'Components: main'],
      `Date: ${new Date(Date.now() - 3_600_000).toUTCString()}`,
      ...(validUntil === undefined ? [] : [`Valid-Until: ${validUntil.toUTCString()}`]),
      ...['SHA256:', ` ${sum} ${Buffer.byteLength(list)} ${file}`, ''],
    ].join('\n');
    const folder = `/debian/dists/${name}`;
    this.#files.set(`${folder}/${file}`, list);
    if (signed) this.#files.set(`${folder}/InRelease`, this.#gpg(['--clearsign'], release));
    else this.#files.set(`${folder}/Release`, release);
  }

  #gpg(argv: readonly string[], input = ''): string {
    const options = ['--homedir', this.#gnupg, '--batch', '--quiet', ...argv];
    return execFileSync(requireTool('gpg'), options, { input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'ignore'] });
  }
}

function stanza(written: string, arch: string): string {
  const [name, version] = written.split(' ');
  return [
    ...[`Package: ${name}`, `Version: ${version}`, `Architecture: ${arch}`, 'Maintainer: a test <a@packages.example>'],
    ...[`Filename: pool/${name}.deb`, 'Size: 1000', `SHA256: ${'0'.repeat(64)}`, 'Description: a test', '', ''],
  ].join('\n');
}
