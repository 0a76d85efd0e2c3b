import { expect } from '@jest/globals';
import { packTemplate, readInfo, readTemplateManifest } from '../../src/oci/artifact.ts';
import { parseChallenges } from '../../src/oci/challenge.ts';
import { formatReference, parseReference } from '../../src/oci/index.ts';
import { readIndex, readManifest, writeIndex } from '../../src/oci/manifest.ts';
import { originOf } from '../../src/oci/reference.ts';
import { parseSigners, signerLine } from '../../src/trust/index.ts';
import { hardwareSigner } from '../unit/trust/hardware-key.ts';
import { fuzz, orCoded } from './fuzz.ts';
import { growsLinearly } from './growth.ts';
import { mutatedJson } from './json-mutate.ts';
import { mutated } from './mutate.ts';

const HEX = '3f'.repeat(32);

fuzz({
  name: 'reference',
  inputs: mutated(
    [`registry.example.com:5000/team/dev:3@sha256:${HEX}`, '127.0.0.1/a', '[::1]:1/a/b:x'].map((text) =>
      Buffer.from(text),
    ),
    ['/', ':', '@', '..', '\\', '//', '%2e', '?', '#', 'sha256:', 'localhost', '\n', '\0', 'http://'],
  ),
  judge: (input) => {
    const text = input.toString('latin1');
    const read = orCoded(['REGISTRY_REFERENCE_INVALID'], () => parseReference(text));
    if (read === undefined) return;
    expect(formatReference(read)).toBe(text);
    const origin = originOf(read);
    // Where it leads is what was read: nothing of the repository became the host, a port or a password.
    expect(`${origin.hostname}${origin.port === '' ? '' : `:${origin.port}`}`).toBe(
      read.registry.replace(origin.protocol === 'https:' ? /:443$/ : /:80$/, ''),
    );
    expect([origin.username, origin.password, origin.pathname]).toEqual(['', '', '/']);
    const url = new URL(`/v2/${read.repository}/manifests/${read.digest ?? read.tag ?? 'x'}`, origin);
    expect(url.pathname).toBe(`/v2/${read.repository}/manifests/${read.digest ?? read.tag ?? 'x'}`);
  },
});

fuzz({
  name: 'www-authenticate',
  inputs: mutated(
    ['Basic realm="x"', 'Bearer realm="https://a/t",service="s",scope="repository:n:pull",error="invalid_token"'].map(
      (text) => Buffer.from(text),
    ),
    ['"', '\\', '\\"', ',', '=', ' ', 'Bearer ', 'realm=', '"realm"', '\0', '\xff'],
  ),
  judge: (input) => {
    const text = input.toString('latin1');
    for (const challenge of parseChallenges(text)) {
      if (challenge.scheme === 'bearer') expect(text.toLowerCase()).toContain('realm');
      expect(JSON.stringify(challenge).length).toBeLessThan(3 * text.length + 200);
    }
  },
});

const packed = packTemplate(
  [
    { path: 'template.yaml', executable: false, content: Buffer.from('version: 1\n') },
    { path: 'provision/setup.sh', executable: true, content: Buffer.from('#!/bin/sh\n') },
  ],
  { version: 1, name: 'dev' },
  { repository: 'r.example/team/dev', tag: '3' },
  '2026-03-04T00:00:00.000Z',
);
const manifest = JSON.parse(packed.manifest.toString()) as unknown;

fuzz({
  name: 'template-manifest',
  inputs: mutatedJson(
    [manifest],
    ['"../x"', '"/x"', '"template.yaml"', '"sha512:00"', '1e308', '-1', '9007199254740993'],
  ),
  judge: (bytes) => {
    const codes = ['REGISTRY_MANIFEST_INVALID', 'REGISTRY_FILES_REFUSED'];
    const read = orCoded(codes, () => readTemplateManifest(bytes, 'r.example/team/dev:3'));
    for (const { path, blob } of read?.files ?? []) {
      expect(path).toMatch(/^[A-Za-z0-9_][A-Za-z0-9._+/-]*$/);
      expect(path.split('/')).not.toContain('..');
      expect(blob.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
      expect(blob.size).toBeLessThanOrEqual(1_048_576);
    }
    const again = readManifest(bytes);
    if (!again.ok) expect(again.why.length).toBeLessThan(700);
  },
});

fuzz({
  name: 'oci-index',
  inputs: mutatedJson([JSON.parse(writeIndex([packed.config]).toString())], ['"sha256:00"', '-1']),
  judge: (bytes) => {
    const read = readIndex(bytes);
    if (read.ok) expect(read.value.manifests.every(({ size }) => Number.isSafeInteger(size) && size >= 0)).toBe(true);
    else expect(read.why.length).toBeLessThan(700);
  },
});

fuzz({
  name: 'template-config',
  inputs: mutatedJson([{ version: 1, name: 'dev', minimumVmgateVersion: '1.2.3' }], ['"\\u0000"', '"../x"']),
  judge: (bytes) => {
    const read = orCoded(['REGISTRY_MANIFEST_INVALID'], () => readInfo(bytes, 'r.example/a:1'));
    if (read !== undefined) expect(read.name).toMatch(/^[a-z0-9][a-z0-9._-]*$/);
  },
});

const { line } = hardwareSigner('ed25519');

/** Where the last of a key's fields ends, each behind its length: a key with bytes behind it has many fingerprints. */
function fieldsEnd(blob: Buffer): number {
  let at = 0;
  while (at + 4 <= blob.length) at += 4 + blob.readUInt32BE(at);
  return at;
}

fuzz({
  name: 'vmgate-trust',
  inputs: mutated(
    [Buffer.from(`# team\n${signerLine('r.example/team/*', line)}\n`)],
    ['*', '/*', ',', '!', '\n', '\r\n', ' ', '\t', '#', 'cert-authority', 'namespaces="vmgate-template"', '"'],
  ),
  judge: (input) => {
    const signers = orCoded(['TRUST_SIGNERS_INVALID'], () => parseSigners(input.toString('latin1'), 'vmgate.trust'));
    for (const signer of signers ?? []) {
      expect(signer.repositories.length).toBeGreaterThan(0);
      for (const each of signer.repositories) expect(each.replace(/\/\*$/, '')).not.toMatch(/[*?!,\s]/);
      expect(fieldsEnd(signer.blob)).toBe(signer.blob.length);
    }
  },
});

growsLinearly('challenge', 4_000, (n) => `Bearer realm="${'\\a'.repeat(n / 2)}`, parseChallenges);
growsLinearly('challenge of commas', 4_000, (n) => `Bearer ${', '.repeat(n / 2)}`, parseChallenges);
growsLinearly(
  'reference',
  480,
  (n) => `r.example/${'a-'.repeat(n / 2)}`,
  (text) => orCoded(['REGISTRY'], () => parseReference(text)),
);
growsLinearly(
  'trust file',
  60_000,
  (n) => `r.example/${'a/'.repeat(n / 2)}!`,
  (text) => orCoded(['TRUST'], () => parseSigners(text, 'vmgate.trust')),
);
