import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { sha256 } from '../../../src/host/index.ts';
import { LIST_DONE, readDone, scriptCommand } from '../../../src/work/set-up-shell.ts';

const DIGEST = sha256('a script');
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'vmg-shell-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** As a guest's shell runs it, with a folder of this machine in the place of the guest's. */
function here(command: string, script = ''): { readonly status: number | null; readonly output: string } {
  const line = command.replaceAll('/var/lib/vmgate', folder);
  const { status, stdout } = spawnSync('sh', ['-c', line], { input: script, encoding: 'utf8' });
  return { status, output: stdout };
}

test('a script that ended well is written down, one that did not is not', () => {
  expect(here(scriptCommand(10, DIGEST), 'echo out; echo err >&2; exit 3')).toEqual({
    status: 3,
    output: 'out\nerr\n',
  });
  expect(readDone(here(LIST_DONE).output)).toEqual(new Set());
  expect(here(scriptCommand(10, DIGEST), 'true').status).toBe(0);
  expect(readDone(here(LIST_DONE).output)).toEqual(new Set([DIGEST]));
});

test('its first line says what reads it, and its input is empty', () => {
  expect(here(scriptCommand(10, undefined), '#!/usr/bin/env node\nconsole.log(1 + 1)').output).toBe('2\n');
  expect(here(scriptCommand(10, undefined), 'cat; echo end').output).toBe('end\n');
});

test('one that does not end is ended', () => {
  expect(here(scriptCommand(1, DIGEST), 'sleep 60').status).toBe(124);
  expect(here(LIST_DONE).output).toBe('');
});

test('nothing of it stays in the guest’s temporary folder', () => {
  const count = () => execFileSync('sh', ['-c', `ls "$TMPDIR"`], { env: { ...process.env, TMPDIR: folder } }).length;
  const line = scriptCommand(10, undefined);
  spawnSync('sh', ['-c', line], { input: 'exit 1', env: { ...process.env, TMPDIR: folder } });
  expect(count()).toBe(0);
});

test('what is no digest is not typed into a shell, and says nothing in a list', () => {
  expect(() => scriptCommand(10, '$(reboot)')).toThrow(RangeError);
  expect(readDone(`${DIGEST}\n\x1b[2J\nsha256:0\n`)).toEqual(new Set([DIGEST]));
});

test('only the end of a list that grew without bound is read', () => {
  execFileSync('sh', ['-c', `yes ${DIGEST} | head -c 9000000 > ${path.join(folder, 'provisioned')}`]);
  expect(here(LIST_DONE).output.length).toBeLessThanOrEqual(65_536);
  expect(readFileSync(path.join(folder, 'provisioned')).length).toBe(9_000_000);
});
