/** The system's own ssh reads what `ssh-config` writes, and a shell splits the proxy's words as they were meant. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Gate } from '../../../src/cli/gate-access.ts';
import { type SshOptions, sshOptions } from '../../../src/cli/ssh-options.ts';
import { layoutOf } from '../../../src/home/index.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'vmgate-ssh-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function optionsIn(home: string): SshOptions {
  const gate: Gate = { name: 'acme', layout: layoutOf(home).gate('acme'), loaded: undefined };
  return sshOptions(gate, 'web', home);
}

/** `ssh -G`: the configuration as ssh understood it. */
function understood(argv: readonly string[]): ReadonlyMap<string, string> {
  const lines = execFileSync('ssh', ['-G', '-T', ...argv], { encoding: 'utf8' }).split('\n');
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)]));
}

describe.each(['plain', 'with space', "an'apostrophe", '100%d', '$HOME and `id`', 'ünïcode'])(
  'a home folder named %j',
  (name) => {
    const home = () => path.join(folder, name);

    test.each(['-o', 'Host block'])('by %s', (way) => {
      const options = optionsIn(home());
      const file = path.join(folder, 'config');
      writeFileSync(file, `Host vmgate-web\n${options.map(([key, value]) => `  ${key} ${value}\n`).join('')}`);
      const argv =
        way === '-o'
          ? ['-F', 'none', ...options.flatMap(([key, value]) => ['-o', `${key}=${value}`]), 'vmgate-web']
          : ['-F', file, 'vmgate-web'];
      const seen = understood(argv);
      const work = path.join(home(), 'gates/acme/vm/web/ssh');
      expect(seen.get('hostkeyalias')).toBe('vmgate-web');
      expect(seen.get('user')).toBe('root');
      expect(seen.get('stricthostkeychecking')).toMatch(/^(true|yes)$/);
      expect(seen.get('forwardagent')).toBe('no');
      expect(seen.get('identitiesonly')).toBe('yes');
      expect(seen.get('userknownhostsfile')?.replaceAll('%%', '%')).toBe(path.join(work, 'known_hosts'));
      expect(seen.get('identityfile')?.replaceAll('%%', '%')).toBe(path.join(work, 'client'));
      expect(wordsOf(seen.get('proxycommand') ?? '')).toEqual([
        'env',
        `VMGATE_HOME=${home()}`,
        process.execPath,
        expect.stringMatching(/main\.js$/),
        'ssh',
        '--stdio',
        '--gate',
        'acme',
        'web',
      ]);
    });
  },
);

test.each(['a"b', 'a\nb', 'a${b'])('a home folder named %j is refused, not misread', (name) => {
  expect(() => optionsIn(path.join(folder, name))).toThrow(/cannot be written into an ssh configuration/);
});

/** ssh expands `%%`, then runs `exec` of it in the user's shell. */
function wordsOf(proxy: string): readonly string[] {
  mkdirSync(folder, { recursive: true });
  const script = `for word in ${proxy.replaceAll('%%', '%')}; do printf '%s\\0' "$word"; done`;
  return execFileSync('sh', ['-c', script], { encoding: 'utf8' }).split('\0').slice(0, -1);
}
