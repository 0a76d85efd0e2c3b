/** A token server as docker-registry believes one: JWTs after its spec/auth/jwt.md, signed by a key of its own. */
import { execFileSync } from 'node:child_process';
import { createHash, createPrivateKey, createPublicKey, type KeyObject, randomUUID, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';

export class TokenServer {
  /** Every scope that was asked for. */
  readonly scopes: string[] = [];
  readonly certificate: string;
  realm = '';
  readonly #key: KeyObject;
  readonly #server: Server;

  private constructor(folder: string) {
    const key = path.join(folder, 'token.key');
    this.certificate = path.join(folder, 'token.crt');
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
    execFileSync(
      'openssl',
      ['req', '-x509', '-nodes', ...curve, '-subj', '/CN=test', '-days', '2', '-keyout', key, '-out', this.certificate],
      { stdio: 'ignore' },
    );
    this.#key = createPrivateKey(readFileSync(key));
    this.#server = createServer((request, response) => {
      const scope = new URL(request.url ?? '', 'http://localhost').searchParams.get('scope') ?? '';
      this.scopes.push(scope);
      const { authorization } = request.headers;
      const isAnn = authorization === `Basic ${Buffer.from('ann:secret').toString('base64')}`;
      if (authorization !== undefined && !isAnn) response.writeHead(401).end();
      else response.end(JSON.stringify({ token: this.#token(scope, isAnn), expires_in: 300 }));
    });
  }

  static async start(folder: string): Promise<TokenServer> {
    const server = new TokenServer(folder);
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    server.realm = `http://127.0.0.1:${(server.#server.address() as AddressInfo).port}/token`;
    return server;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Of what was asked for, what this one may: anybody pulls, `ann` pushes. */
  #token(scope: string, isAnn: boolean): string {
    const [type = '', name = '', actions = ''] = scope.split(':');
    const granted = actions.split(',').filter((action) => isAnn || action === 'pull');
    const now = Math.floor(Date.now() / 1_000);
    const header = { typ: 'JWT', alg: 'ES256', kid: this.#keyId() };
    const claims = {
      iss: 'issuer',
      sub: isAnn ? 'ann' : '',
      aud: 'test',
      exp: now + 300,
      nbf: now - 10,
      iat: now,
      jti: randomUUID(),
      access: [{ type, name, actions: granted }],
    };
    const signed = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
    const signature = sign('sha256', Buffer.from(signed), { key: this.#key, dsaEncoding: 'ieee-p1363' });
    return `${signed}.${signature.toString('base64url')}`;
  }

  /** libtrust's: the first 240 bits of the key's digest in base32, in groups of four. */
  #keyId(): string {
    const der = createPublicKey(this.#key).export({ type: 'spki', format: 'der' });
    const bits = [...createHash('sha256').update(der).digest().subarray(0, 30)]
      .map((byte) => byte.toString(2).padStart(8, '0'))
      .join('');
    const letters = [...bits.matchAll(/.{5}/g)].map(([group]) =>
      'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.charAt(Number.parseInt(group, 2)),
    );
    return [...letters.join('').matchAll(/.{4}/g)].map(([group]) => group).join(':');
  }
}
