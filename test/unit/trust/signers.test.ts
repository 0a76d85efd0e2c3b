import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { formatPublicLine, sshString, u32 } from '../../../src/ssh/index.ts';
import { maySignFor, parseSigners, signerLine, verifyMessage } from '../../../src/trust/index.ts';
import { faultOf } from '../faults.ts';
import { hardwareSigner } from './hardware-key.ts';

const KEY = hardwareSigner('ed25519').line;
const OPTION = 'namespaces="vmgate-template"';

describe('vmgate.trust', () => {
  test('comments, empty lines, several repositories', () => {
    const text = `# the team\n\n${signerLine('r.example/team/*', KEY)} ann\nr.example/a,r.example/b/* ${OPTION} ${KEY}\r\n`;
    expect(parseSigners(text, 'vmgate.trust').map(({ repositories }) => repositories)).toEqual([
      ['r.example/team/*'],
      ['r.example/a', 'r.example/b/*'],
    ]);
  });

  test.each([
    ['every repository', `* ${OPTION} ${KEY}`],
    ['a pattern in the middle', `r.example/*/dev ${OPTION} ${KEY}`],
    ['a prefix of a word', `r.example/te* ${OPTION} ${KEY}`],
    ['one that is taken out', `r.example/*,!r.example/a ${OPTION} ${KEY}`],
    ['no namespace', `r.example/* ${KEY}`],
    ['another namespace', `r.example/* namespaces="file" ${KEY}`],
    ['an authority', `r.example/* cert-authority,${OPTION} ${KEY}`],
    ['a time of validity', `r.example/* ${OPTION},valid-before="20270101" ${KEY}`],
    ['no key', `r.example/* ${OPTION} ssh-ed25519 AAAA`],
    ['a key of another type than it says', `r.example/* ${OPTION} ${KEY.replace(/^\S+/, 'ssh-ed25519')}`],
    ['a flood', 'x'.repeat(70_000)],
    ['lines without end', '\n'.repeat(600)],
  ])('%s is refused', (_, line) => {
    expect(faultOf(() => parseSigners(line, 'vmgate.trust')).code).toBe('TRUST_SIGNERS_INVALID');
  });

  test.each([
    ['r.example/team/*', 'r.example/team/dev', true],
    ['r.example/team/*', 'r.example/team/a/b', true],
    ['r.example/team/*', 'r.example/team', false],
    ['r.example/team/*', 'r.example/teams/dev', false],
    ['r.example/team/*', 'evil.example/r.example/team/dev', false],
    ['r.example/team/dev', 'r.example/team/dev', true],
    ['r.example/team/dev', 'r.example/team/dev2', false],
    ['r.example/*', 'r.example:5000/a', false],
  ])('%s, %s: %s', (line, repository, expected) => {
    expect(maySignFor({ repositories: [line] }, repository)).toBe(expected);
  });
});

describe('hardware keys', () => {
  test.each(['ed25519', 'ecdsa'] as const)('%s', (kind) => {
    const key = hardwareSigner(kind);
    const expected = { namespace: 'vmgate-template', signers: [key.blob] };
    const armored = key.sign('message', 'vmgate-template');
    expect(verifyMessage('message', armored, expected)).toMatchObject({ ok: true });
    expect(verifyMessage('message.', armored, expected)).toMatchObject({ why: 'signature' });
    expect(verifyMessage('message', armored, { ...expected, namespace: 'git' })).toMatchObject({ why: 'namespace' });
    const other = hardwareSigner(kind);
    expect(verifyMessage('message', armored, { ...expected, signers: [other.blob] })).toMatchObject({ why: 'signer' });
  });

  test('the counter and the application are under the signature', () => {
    const key = hardwareSigner('ed25519');
    const expected = { namespace: 'n', signers: [key.blob] };
    expect(verifyMessage('m', key.sign('m', 'n', { counter: 8, told: 9 }), expected)).toMatchObject({
      why: 'signature',
    });
    expect(verifyMessage('m', key.sign('m', 'n', { application: 'ssh:other' }), expected)).toMatchObject({
      why: 'signature',
    });
  });

  test('an ordinary signature is none by a hardware key of the same numbers', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
    const blob = Buffer.concat(['sk-ssh-ed25519@openssh.com', raw, 'ssh:'].map(sshString));
    const digest = createHash('sha512').update('m').digest();
    const data = Buffer.concat([Buffer.from('SSHSIG'), ...['n', '', 'sha512', digest].map(sshString)]);
    const plain = Buffer.concat([sshString('ssh-ed25519'), sshString(sign(null, data, privateKey))]);
    const body = Buffer.concat([Buffer.from('SSHSIG'), u32(1), ...[blob, 'n', '', 'sha512', plain].map(sshString)]);
    const armored = `-----BEGIN SSH SIGNATURE-----\n${body.toString('base64')}\n-----END SSH SIGNATURE-----\n`;
    expect(verifyMessage('m', armored, { namespace: 'n', signers: [blob] })).toMatchObject({ ok: false });
    expect(formatPublicLine({ type: 'sk-ssh-ed25519@openssh.com', blob }, 'x')).toContain(
      'sk-ssh-ed25519@openssh.com AAAA',
    );
  });
});
