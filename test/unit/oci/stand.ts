/** A registry in this process that keeps what it is given, and lies where it is told to. */

import { generateKeyPairSync } from 'node:crypto';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { sha256 } from '../../../src/host/index.ts';
import { packTemplate } from '../../../src/oci/artifact.ts';
import type { TemplateFile } from '../../../src/oci/index.ts';
import { EMPTY_CONFIG, INDEX_TYPE, MANIFEST_TYPE, writeIndex, writeManifest } from '../../../src/oci/manifest.ts';
import { ed25519Blob, ed25519Line, fingerprint } from '../../../src/ssh/index.ts';
import { parseSigners, signedText, signerLine, TEMPLATE_NAMESPACE } from '../../../src/trust/index.ts';
import { signMessage } from '../../../src/trust/sshsig.ts';

export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly authorization: string | undefined;
  readonly range: string | undefined;
}

/** True: answered. */
export type Lie = (request: IncomingMessage, response: ServerResponse, url: string) => boolean | undefined;

export class StandRegistry {
  readonly blobs = new Map<string, Buffer>();
  /** By tag or digest. */
  readonly manifests = new Map<string, { readonly bytes: Buffer; readonly type: string }>();
  readonly seen: Seen[] = [];
  lie: Lie = () => undefined;
  /** Stays known after the end. */
  port = 0;
  readonly #server: http.Server;

  private constructor(tls: https.ServerOptions | undefined) {
    const listener = (request: IncomingMessage, response: ServerResponse) => this.#answer(request, response);
    this.#server = tls === undefined ? http.createServer(listener) : https.createServer(tls, listener);
  }

  static async start(tls?: https.ServerOptions): Promise<StandRegistry> {
    const registry = new StandRegistry(tls);
    await new Promise<void>((resolve) => registry.#server.listen(0, '127.0.0.1', resolve));
    registry.port = (registry.#server.address() as AddressInfo).port;
    return registry;
  }

  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  keep(bytes: Buffer, tag?: string, type: string = MANIFEST_TYPE): string {
    const digest = sha256(bytes);
    for (const name of [digest, ...(tag === undefined ? [] : [tag])]) this.manifests.set(name, { bytes, type });
    return digest;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { method = '', url = '', headers } = request;
    this.seen.push({ method, url, authorization: headers.authorization, range: headers.range });
    if (this.lie(request, response, url) === true) return;
    const [, kind = '', name = ''] = /^\/v2\/[a-z0-9/]+\/(manifests|blobs)\/([^/]+)$/.exec(url) ?? [];
    const manifest = kind === 'manifests' ? this.manifests.get(name) : undefined;
    const content = manifest?.bytes ?? (kind === 'blobs' ? this.blobs.get(name) : undefined);
    if (content === undefined) {
      response.writeHead(404, { 'content-length': '0' }).end();
      return;
    }
    const from = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0);
    response.writeHead(from > 0 ? 206 : 200, {
      'content-type': manifest?.type ?? 'application/octet-stream',
      'content-length': String(content.length - from),
      ...(from > 0 ? { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` } : {}),
    });
    response.end(content.subarray(from));
  }
}

export class TestSigner {
  readonly blob: Buffer;
  readonly fingerprint: string;
  readonly line: string;
  readonly #privateKey: ReturnType<typeof generateKeyPairSync>['privateKey'];

  constructor() {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
    this.#privateKey = privateKey;
    this.blob = ed25519Blob(raw);
    this.fingerprint = fingerprint(this.blob);
    this.line = ed25519Line(raw, 'test');
  }

  sign(digest: string, namespace = TEMPLATE_NAMESPACE): string {
    return signMessage(signedText(digest), namespace, { privateKey: this.#privateKey, publicBlob: this.blob });
  }

  /** A policy with one line. */
  trustedFor(repository: string) {
    return { signers: parseSigners(signerLine(repository, this.line), 'vmgate.trust') };
  }
}

export const FILES: readonly TemplateFile[] = [
  { path: 'setup.sh', executable: true, content: Buffer.alloc(200_000, '#!/bin/sh\necho hello\n') },
  { path: 'template.yaml', executable: false, content: Buffer.from('version: 1\n') },
];
export const CREATED = '2026-03-04T00:00:00.000Z';

/** Puts a template under a tag, for the place that the registry is, or for another. @returns its digest */
export function publish(
  registry: StandRegistry,
  tag: string,
  more: { created?: string; files?: readonly TemplateFile[]; place?: string; placeTag?: string } = {},
): string {
  const { created = CREATED, files = FILES, place = `${registry.host}/team/dev`, placeTag = tag } = more;
  const packed = packTemplate(files, { version: 1, name: 'dev' }, { repository: place, tag: placeTag }, created);
  for (const [digest, { content }] of packed.blobs) registry.blobs.set(digest, Buffer.from(content));
  return registry.keep(packed.manifest, tag);
}

/** Lists signatures by the fallback tag. */
export function attach(registry: StandRegistry, digest: string, ...signatures: readonly string[]): void {
  const size = registry.manifests.get(digest)?.bytes.length ?? 0;
  const subject = { mediaType: MANIFEST_TYPE, digest, size };
  const artifactType = 'application/vnd.vmgate.signature.v1+json';
  const listed = signatures.map((armored) => {
    const content = Buffer.from(armored, 'latin1');
    registry.blobs.set(sha256(content), content);
    const layer = { mediaType: 'application/vnd.vmgate.sshsig.v1', digest: sha256(content), size: content.length };
    const bytes = writeManifest({ artifactType, config: EMPTY_CONFIG, layers: [layer], subject });
    return { mediaType: MANIFEST_TYPE, digest: registry.keep(bytes), size: bytes.length, artifactType };
  });
  registry.keep(writeIndex(listed), digest.replace(':', '-'), INDEX_TYPE);
}
