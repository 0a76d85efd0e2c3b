/** src/oci against the real docker-registry: it has no referrers API, and both its ways to ask for a login. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { run } from '../../../src/host/index.ts';
import { type FetchOptions, fetchTemplate, publishTemplate, signArtifact } from '../../../src/oci/index.ts';
import {
  parseSigners,
  signerLine,
  signWithKeygen,
  TEMPLATE_NAMESPACE,
  type TrustPolicy,
} from '../../../src/trust/index.ts';
import { describeUnless, missing, testUnless } from '../../obstacle.ts';
import { codeOf } from '../../unit/faults.ts';
import { hardwareSigner } from '../../unit/trust/hardware-key.ts';
import { type DockerRegistry, startDockerRegistry } from './docker-registry.ts';
import { TokenServer } from './token-server.ts';

jest.setTimeout(120_000);

const withRegistry = describeUnless(missing('docker-registry', 'ssh-keygen', 'curl'), 'docker-registry');

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

const publish = (reference: string, nowMs = T0, files = FILES) =>
  publishTemplate(reference, files, INFO, { ...OPTIONS, nowMs });
const pull = (reference: string, trust: TrustPolicy, more: Partial<FetchOptions> = {}) =>
  fetchTemplate(reference, trust, { ...OPTIONS, store: mkdtempSync(inFolder('store-')), ...more });

withRegistry('without a login', () => {
  let registry: DockerRegistry;
  let trust: ReturnType<typeof trusting>;
  beforeAll(async () => {
    registry = await startDockerRegistry();
    trust = trusting(signerLine(`${registry.host}/team/*`, publicLine('lead')));
  });
  afterAll(() => registry.stop());

  const reference = (repository: string, tag = '1') => `${registry.host}/team/${repository}:${tag}`;
  const url = (repository: string, name: string) => `http://${registry.host}/v2/team/${repository}/${name}`;
  const curl = (...argv: string[]) => execFileSync('curl', ['-sS', '--fail', ...argv], { encoding: 'utf8' });
  /** Where it keeps a blob: whoever runs a registry can change what lies there. */
  const blobFile = (digest: string) =>
    path.join(registry.folder, 'data/docker/registry/v2/blobs/sha256', digest.slice(7, 9), digest.slice(7), 'data');

  test('it has no referrers API: signatures are listed by the fallback tag', async () => {
    expect((await fetch(url('dev', `referrers/sha256:${'0'.repeat(64)}`))).status).toBe(404);
  });

  test('what was pushed and signed is pulled by whoever trusts the signer', async () => {
    const pushed = await publish(reference('dev'));
    expect(pushed.isUnchanged).toBe(false);
    const signed = await signArtifact(reference('dev'), signWith('lead'), OPTIONS);
    expect(signed).toMatchObject({ isNew: true, signer: { fingerprint: printOf('lead') } });
    const pulled = await pull(reference('dev'), trust);
    expect(pulled).toMatchObject({ digest: pushed.reference.digest, isCached: false, info: INFO });
    expect(pulled.files.map(({ path: name, executable, content }) => [name, executable, content.toString()])).toEqual([
      ['provision/setup.sh', true, '#!/bin/sh\necho hello\n'],
      ['template.yaml', false, 'version: 1\nkind: work\n'],
    ]);
  });

  test('pushed again, unchanged, it is the same version; changed, a later one whatever the clock says', async () => {
    const first = await publish(reference('again'));
    expect(await publish(reference('again'), T0 + 60_000)).toMatchObject({
      isUnchanged: true,
      reference: { digest: first.reference.digest },
    });
    const changed = [...FILES, { path: 'more', executable: false, content: Buffer.from('x') }];
    const second = await publish(reference('again'), T0 - 60_000, changed);
    expect(second.isUnchanged).toBe(false);
    expect(Date.parse(second.created)).toBeGreaterThan(Date.parse(first.created));
  });

  test('signed twice by one, it has one signature; by two, each is enough', async () => {
    await publish(reference('two'));
    expect((await signArtifact(reference('two'), signWith('stranger'), OPTIONS)).isNew).toBe(true);
    expect((await signArtifact(reference('two'), signWith('stranger'), OPTIONS)).isNew).toBe(false);
    expect(await codeOf(pull(reference('two'), trust))).toBe('TRUST_SIGNER_NOT_ALLOWED');
    await signArtifact(reference('two'), signWith('lead'), OPTIONS);
    expect((await pull(reference('two'), trust)).signer.fingerprint).toBe(printOf('lead'));
    const other = trusting(signerLine(`${registry.host}/team/two`, publicLine('stranger')));
    expect((await pull(reference('two'), other)).signer.fingerprint).toBe(printOf('stranger'));
  });

  test('stock ssh-keygen judges by the same lines of vmgate.trust, the repository for a name', async () => {
    await publish(reference('stock'));
    await signArtifact(reference('stock'), signWith('lead'), OPTIONS);
    const { digest, signer } = await pull(reference('stock'), trust);
    writeFileSync(inFolder('vmgate.trust'), `${signerLine(`${registry.host}/team/*`, publicLine('lead'))}\n`);
    const sentence = { signature: signer.armored, text: `${digest}\n` };
    expect(stockVerify({ ...sentence, as: `${registry.host}/team/stock` })).toBe(0);
    expect(stockVerify({ ...sentence, as: `${registry.host}/lab/stock` })).not.toBe(0);
    expect(stockVerify({ ...sentence, as: `${registry.host}/team/stock`, text: `${digest}` })).not.toBe(0);
  });

  test.each(['ed25519', 'ecdsa'] as const)('a hardware key (%s): stock ssh-keygen and vmgate agree', async (kind) => {
    const key = hardwareSigner(kind);
    const name = `hardware-${kind}`;
    await publish(reference(name));
    const sign = (text: string) => Promise.resolve(key.sign(text, TEMPLATE_NAMESPACE));
    const { reference: signed, signer } = await signArtifact(reference(name), sign, OPTIONS);
    const line = signerLine(`${registry.host}/team/${name}`, key.line);
    expect((await pull(reference(name), trusting(line))).digest).toBe(signed.digest);
    writeFileSync(inFolder('vmgate.trust'), `${line}\n`);
    const sentence = { signature: signer.armored, as: `${registry.host}/team/${name}` };
    expect(stockVerify({ ...sentence, text: `${signed.digest}\n` })).toBe(0);
    expect(stockVerify({ ...sentence, text: 'another\n' })).not.toBe(0);
  });

  test('a key that only an agent holds signs by its public half', async () => {
    const { SSH_AUTH_SOCK = '', SSH_AGENT_PID = '' } = startAgent();
    try {
      keygen('-q', '-t', 'ed25519', '-N', '', '-f', inFolder('held'));
      execFileSync('ssh-add', ['-q', inFolder('held')], { env: { ...process.env, SSH_AUTH_SOCK } });
      rmSync(inFolder('held'));
      await publish(reference('agent'));
      const sign = (text: string) =>
        signWithKeygen(text, TEMPLATE_NAMESPACE, inFolder('held.pub'), {
          run,
          environment: { SSH_AUTH_SOCK },
          onLine: () => {},
        });
      expect((await signArtifact(reference('agent'), sign, OPTIONS)).signer.fingerprint).toBe(printOf('held'));
    } finally {
      process.kill(Number(SSH_AGENT_PID));
    }
    expect(await codeOf(signArtifact(reference('agent'), signWith('held.pub'), OPTIONS))).toBe('TRUST_SIGNING_FAILED');
  });

  test('curl reads it back: type, titles, bytes', async () => {
    const { reference: pushed } = await publish(reference('curl'));
    const type = 'application/vnd.oci.image.manifest.v1+json';
    const manifest = JSON.parse(curl('-H', `accept: ${type}`, url('curl', `manifests/${pushed.digest}`))) as {
      readonly artifactType: string;
      readonly layers: readonly { readonly digest: string; readonly annotations: Record<string, string> }[];
    };
    expect(manifest.artifactType).toBe('application/vnd.vmgate.template.v1+json');
    const layer = manifest.layers.find(
      (each) => each.annotations['org.opencontainers.image.title'] === 'template.yaml',
    );
    expect(curl(url('curl', `blobs/${layer?.digest}`))).toBe('version: 1\nkind: work\n');
  });

  const skopeoTest = testUnless(missing('skopeo'), 'skopeo');
  skopeoTest('skopeo copies it whole, digest and all', async () => {
    const { reference: pushed } = await publish(reference('skopeo'));
    const target = inFolder('layout');
    const source = `docker://${registry.host}/team/skopeo:1`;
    execFileSync('skopeo', ['--insecure-policy', 'copy', '-q', '--src-tls-verify=false', source, `oci:${target}:1`]);
    const index = JSON.parse(readFileSync(path.join(target, 'index.json'), 'utf8')) as {
      readonly manifests: readonly { readonly digest: string }[];
    };
    expect(index.manifests.map(({ digest }) => digest)).toEqual([pushed.digest]);
  });

  test('changed behind the registry’s back, it is refused', async () => {
    const { reference: pushed } = await publish(reference('tampered'));
    await signArtifact(reference('tampered'), signWith('lead'), OPTIONS);
    const manifest = readFileSync(blobFile(pushed.digest), 'utf8');
    // Anti-test: until then it is good.
    expect((await pull(reference('tampered'), trust)).digest).toBe(pushed.digest);
    writeFileSync(blobFile(pushed.digest), manifest.replace('setup.sh', 'setup.zz'));
    expect(await codeOf(pull(`${registry.host}/team/tampered@${pushed.digest}`, trust))).toBe(
      'REGISTRY_DIGEST_MISMATCH',
    );
    // By its tag it is simply another one, which nobody signed.
    expect(await codeOf(pull(reference('tampered'), trust))).toBe('TRUST_TEMPLATE_UNSIGNED');
    writeFileSync(blobFile(pushed.digest), manifest);
    const script = `sha256:${createHash('sha256').update('#!/bin/sh\necho hello\n').digest('hex')}`;
    const kept = readFileSync(blobFile(script));
    writeFileSync(blobFile(script), '#!/bin/sh\necho HELLO\n');
    expect(await codeOf(pull(reference('tampered'), trust))).toBe('REGISTRY_DIGEST_MISMATCH');
    writeFileSync(blobFile(script), kept);
  });

  test('re-tagged by whoever may push: the old version is a way back, another version’s is at the wrong place', async () => {
    const retag = async (digest: string, tag: string) => {
      const type = 'application/vnd.oci.image.manifest.v1+json';
      const bytes = curl('-H', `accept: ${type}`, url('retag', `manifests/${digest}`));
      writeFileSync(inFolder('manifest'), bytes);
      const data = `@${inFolder('manifest')}`;
      curl('-X', 'PUT', '-H', `content-type: ${type}`, '--data-binary', data, url('retag', `manifests/${tag}`));
    };
    const old = await publish(reference('retag'));
    await signArtifact(reference('retag'), signWith('lead'), OPTIONS);
    const more = [...FILES, { path: 'fix', executable: false, content: Buffer.from('x') }];
    const fresh = await publish(reference('retag'), T0 + 1_000, more);
    await signArtifact(reference('retag'), signWith('lead'), OPTIONS);
    const locked = { digest: fresh.reference.digest, created: fresh.created };
    await retag(old.reference.digest, '1');
    await retag(old.reference.digest, '2');
    expect(await codeOf(pull(reference('retag'), trust, { locked, lock: 'update' }))).toBe('TRUST_TEMPLATE_DOWNGRADE');
    expect(await codeOf(pull(reference('retag', '2'), trust))).toBe('TRUST_OTHER_PLACE');
    expect((await pull(reference('retag'), trust, { locked })).digest).toBe(fresh.reference.digest);
  });
});

function stockVerify({ signature, text, as }: { signature: string; text: string; as: string }): number | null {
  writeFileSync(inFolder('stock.sig'), signature);
  const argv = [
    '-Y',
    'verify',
    '-n',
    TEMPLATE_NAMESPACE,
    '-I',
    as,
    '-f',
    inFolder('vmgate.trust'),
    '-s',
    inFolder('stock.sig'),
  ];
  return spawnSync('ssh-keygen', argv, { input: text }).status;
}

function startAgent(): Record<string, string> {
  const said = execFileSync('ssh-agent', ['-s'], { encoding: 'utf8' });
  return Object.fromEntries([...said.matchAll(/(SSH_\w+)=([^;]+);/g)].map(([, name, value]) => [name, value]));
}

const login = (host: string, password: string) => {
  const file = inFolder(`docker-${password}.json`);
  writeFileSync(
    file,
    JSON.stringify({ auths: { [host]: { auth: Buffer.from(`ann:${password}`).toString('base64') } } }),
  );
  return { ...OPTIONS, dockerConfig: file };
};

withRegistry('with Basic (htpasswd)', () => {
  let registry: DockerRegistry;
  beforeAll(async () => {
    // bcrypt of `secret`, the only form that docker-registry reads.
    writeFileSync(inFolder('htpasswd'), 'ann:$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n');
    registry = await startDockerRegistry(`  htpasswd: {realm: test, path: ${inFolder('htpasswd')}}`);
  });
  afterAll(() => registry.stop());

  test('with the login of docker login; not without, nor with another', async () => {
    const reference = `${registry.host}/team/dev:1`;
    const known = login(registry.host, 'secret');
    await publishTemplate(reference, FILES, INFO, { ...known, nowMs: T0 });
    await signArtifact(reference, signWith('lead'), known);
    const trust = trusting(signerLine(`${registry.host}/team/*`, publicLine('lead')));
    expect((await pull(reference, trust, known)).files).toHaveLength(2);
    expect(await codeOf(pull(reference, trust))).toBe('REGISTRY_LOGIN_REFUSED');
    expect(await codeOf(pull(reference, trust, login(registry.host, 'wrong')))).toBe('REGISTRY_LOGIN_REFUSED');
    expect(await codeOf(publish(reference))).toBe('REGISTRY_LOGIN_REFUSED');
  });
});

describeUnless(missing('docker-registry', 'ssh-keygen', 'openssl'), 'token server')(
  'with Bearer (a token server)',
  () => {
    let registry: DockerRegistry;
    let tokens: TokenServer;
    beforeAll(async () => {
      tokens = await TokenServer.start(folder);
      registry = await startDockerRegistry(
        `  token: {realm: "${tokens.realm}", service: test, issuer: issuer, rootcertbundle: ${tokens.certificate}}`,
      );
    });
    afterAll(async () => {
      await registry.stop();
      await tokens.stop();
    });

    test('a token for each right, for the login that the token server knows', async () => {
      const reference = `${registry.host}/team/dev:1`;
      const known = login(registry.host, 'secret');
      await publishTemplate(reference, FILES, INFO, { ...known, nowMs: T0 });
      await signArtifact(reference, signWith('lead'), known);
      const trust = trusting(signerLine(`${registry.host}/team/*`, publicLine('lead')));
      // Anybody may pull there; pushing takes more.
      expect((await pull(reference, trust)).files).toHaveLength(2);
      expect(await codeOf(publish(`${registry.host}/team/dev:2`))).toBe('REGISTRY_LOGIN_REFUSED');
      expect(await codeOf(pull(reference, trust, login(registry.host, 'wrong')))).toBe('REGISTRY_LOGIN_REFUSED');
      expect(new Set(tokens.scopes)).toEqual(new Set(['repository:team/dev:pull', 'repository:team/dev:pull,push']));
    });
  },
);
