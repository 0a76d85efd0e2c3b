/** Completion scripts in the shells they are for, as far as those are installed. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { completionScript } from '../../../src/cli/completion-script.ts';
import { everyCommand } from '../../../src/cli/run.ts';
import { missing, testUnless } from '../../obstacle.ts';

const commands = await everyCommand();

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'vmgate-completion-'));
  for (const shell of ['bash', 'zsh', 'fish'] as const) {
    writeFileSync(path.join(folder, shell), completionScript(shell, commands));
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function bashOffers(words: readonly string[]): readonly string[] {
  const script = `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _vmgate; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const output = execFileSync('bash', ['-c', script, 'bash', path.join(folder, 'bash'), ...words], {
    encoding: 'utf8',
  });
  return output.trim().split('\n');
}

describe('bash', () => {
  test.each([
    { words: ['vmgate', 'st'], offers: ['start', 'stop', 'status'] },
    { words: ['vmgate', 'vpn', ''], offers: ['add', 'request', 'list', 'show', 'remove'] },
    { words: ['vmgate', 'vpn', 'add', 'x', '--s'], offers: ['--split'] },
    { words: ['vmgate', 'status', '--w'], offers: ['--watch'] },
    { words: ['vmgate', 'stop', 'web', '--f'], offers: ['--force'] },
    { words: ['vmgate', 'completion', 'z'], offers: ['zsh'] },
    { words: ['vmgate', '$(touch x)', ''], offers: [''] },
  ])('$words', ({ words, offers }) => {
    expect(bashOffers(words)).toEqual(offers);
  });

  test('offers the flags of every command of two words, those of tomorrow included', () => {
    const strange = { ...commands[0], name: 'moon rise' } as (typeof commands)[number];
    writeFileSync(path.join(folder, 'bash'), completionScript('bash', [...commands, strange]));
    for (const { name } of [...commands, strange].filter((command) => command.name.includes(' '))) {
      expect({ name, offers: bashOffers(['vmgate', ...name.split(' '), '--js']) }).toEqual({
        name,
        offers: ['--json'],
      });
    }
  });
});

describe.each(['bash', 'zsh', 'fish'] as const)('%s', (shell) => {
  testUnless(missing(shell), `completion in ${shell}`)('reads it without a complaint', () => {
    const { status, stderr } = spawnSync(shell, ['-n', path.join(folder, shell)], { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });
});
