/** src/registry against the real docker-registry: it has no referrers API, and both its ways to ask for a login. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { CodedEvent } from '../../../src/core/coded.ts';
import { run } from '../../../src/host/index.ts';
import { fetchTemplate, publishTemplate, signTemplate } from '../../../src/registry/index.ts';
import { parseSigners, signerLine, signWithKeygen, TEMPLATE_NAMESPACE } from '../../../src/trust/index.ts';
import { describeUnless, missing } from '../../obstacle.ts';
import { codeOf } from '../../unit/faults.ts';
import { type DockerRegistry, startDockerRegistry } from './docker-registry.ts';

const withRegistry = describeUnless(missing('docker-registry', 'ssh-keygen'), 'docker-registry');

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'vmgate-oci-'));
  for (const name of ['lead', 'stranger']) keygen('-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', inFolder(name));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const inFolder = (name: string) => path.join(folder, name);
const keygen = (...argv: string[]) => execFileSync('ssh-keygen', argv, { encoding: 'utf8' });
const publicLine = (name: string) => readFileSync(inFolder(`${name}.pub`), 'utf8').trim();
const printOf = (name: string) => keygen('-l', '-f', inFolder(`${name}.pub`)).split(' ')[1] ?? '';
const trusting = (...lines: readonly string[]) => ({ signers: parseSigners(lines.join('\n'), 'vmgate.trust') });

const signWith = (key: string) => (text: string) =>
  signWithKeygen(text, TEMPLATE_NAMESPACE, inFolder(key), { run, environment: {}, onLine: () => {} });

const FILES = [
  { path: 'template.yaml', executable: false, content: Buffer.from('version: 1\nkind: work\n') },
  { path: 'provision/setup.sh', executable: true, content: Buffer.from('#!/bin/sh\necho hello\n') },
];
const INFO = { version: 1, name: 'dev' } as const;
const OPTIONS = { dockerConfig: '/nonexistent/config.json', backoffMs: 5 };
const T0 = Date.parse('2026-03-04T00:00:00Z');

withRegistry('without a login', () => {
  let registry: DockerRegistry;
  let trust: ReturnType<typeof trusting>;
  beforeAll(async () => {
    registry = await startDockerRegistry();
    trust = trusting(signerLine(`${registry.host}/team/*`, publicLine('lead')));
  });
  afterAll(() => registry.stop());

  const reference = (tag: string, repository = 'team/dev') => `${registry.host}/${repository}:${tag}`;
  const store = () => mkdtempSync(inFolder('store-'));

  test('what was pushed and signed is pulled by whoever trusts the signer', async () => {
    const pushed = await publishTemplate(reference('1'), FILES, INFO, { ...OPTIONS, nowMs: T0 });
    expect(pushed.isUnchanged).toBe(false);
    const signed = await signTemplate(reference('1'), signWith('lead'), OPTIONS);
    expect(signed).toMatchObject({ isNew: true, signer: { fingerprint: printOf('lead') } });
    const pulled = await fetchTemplate(reference('1'), trust, { ...OPTIONS, store: store() });
    expect(pulled).toMatchObject({ digest: pushed.reference.digest, isCached: false, info: INFO });
    expect(pulled.files.map(({ path: name, executable, content }) => [name, executable, content.toString()])).toEqual([
      ['provision/setup.sh', true, '#!/bin/sh\necho hello\n'],
      ['template.yaml', false, 'version: 1\nkind: work\n'],
    ]);
  });
});
