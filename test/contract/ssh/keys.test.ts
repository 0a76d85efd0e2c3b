/** The key formats, as the tools that read them see them. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  dropbearPrivateKey,
  ed25519Blob,
  ed25519Line,
  fingerprint,
  makeKeyPair,
  openSshPrivateKey,
} from '../../../src/ssh/index.ts';
import { describeUnless, missing } from '../../obstacle.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'vmgate-ssh-keys-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, data: string | Buffer): string {
  const full = path.join(folder, name);
  writeFileSync(full, data, { mode: 0o600 });
  return full;
}

function output(tool: string, args: readonly string[]): string {
  const { stdout, stderr, status } = spawnSync(tool, args, { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: expect.any(String) });
  return stdout;
}

describeUnless(missing('ssh-keygen'), 'ssh-keygen')('ssh-keygen', () => {
  test('derives the same public key from the private one, and the same fingerprint', () => {
    const key = makeKeyPair();
    const privateFile = file('client', openSshPrivateKey(key, 'vmgate'));
    expect(output('ssh-keygen', ['-y', '-f', privateFile]).trim()).toBe(ed25519Line(key.publicRaw, 'vmgate'));
    const listed = output('ssh-keygen', ['-l', '-E', 'sha256', '-f', privateFile]);
    expect(listed.split(' ')[1]).toBe(fingerprint(ed25519Blob(key.publicRaw)));
  });
});

describeUnless(missing('dropbearkey'), 'dropbearkey')('dropbearkey', () => {
  test('reads the host key file', () => {
    const key = makeKeyPair();
    const lines = output('dropbearkey', ['-y', '-f', file('host', dropbearPrivateKey(key))]).split('\n');
    expect(
      lines
        .find((line) => line.startsWith('ssh-ed25519'))
        ?.split(' ')
        .slice(0, 2),
    ).toEqual(ed25519Line(key.publicRaw, '').split(' ').slice(0, 2));
    expect(lines.join('\n')).toContain(fingerprint(ed25519Blob(key.publicRaw)));
  });
});
