/**
 * What a start of each program costs. What is loaded is counted and the same everywhere; processor time is a ratio to
 * Node doing nothing, and generous: `npm run bench` has the marks, on the clock.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Installed, installPackage, type Package, packPackage } from './package.ts';

let packed: Package;
let installed: Installed;
let home: string;
beforeAll(async () => {
  packed = await packPackage();
  installed = await installPackage(packed);
  home = path.join(packed.folder, 'home');
  mkdirSync(home, { mode: 0o700 });
  writeFileSync(path.join(home, 'vmgate.yaml'), 'version: 1\nvpn: home\nwork: {web: {template: tiny}}\n');
  // What a configuration means is remembered by the first command that reads it.
  vmgate('status');
}, 120_000);
afterAll(() => packed?.remove());

const main = () => path.join(installed.folder, 'dist', 'main.js');

function node(argv: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const inherited = { PATH: process.env['PATH'], HOME: packed.folder, VMGATE_HOME: home };
  const result = spawnSync(process.execPath, argv, { encoding: 'utf8', cwd: home, env: { ...inherited, ...env } });
  if (result.status !== 0) throw new Error(`${argv.join(' ')}: ${result.stderr}`);
  return result;
}

function vmgate(...argv: string[]) {
  return node([main(), ...argv]);
}

/** Files of the package that a command ran, as V8 tells them. */
function loadedBy(...argv: string[]): { readonly files: number; readonly bytes: number } {
  const folder = mkdtempSync(path.join(packed.folder, 'coverage-'));
  node([main(), ...argv], { NODE_V8_COVERAGE: folder });
  const [report = ''] = readdirSync(folder);
  const { result } = JSON.parse(readFileSync(path.join(folder, report), 'utf8')) as {
    result: readonly { url: string }[];
  };
  rmSync(folder, { recursive: true });
  const files = result.map(({ url }) => url).filter((url) => url.startsWith('file:'));
  return { files: files.length, bytes: files.reduce((sum, url) => sum + statSync(fileURLToPath(url)).size, 0) };
}

/** Options that make Node run `script` when it ends; its `print` writes a line to stderr. */
function atExit(script: string): readonly string[] {
  const listener = `process.on('exit', () => { const print = (line) => process.stderr.write(line + '\\n'); ${script} })`;
  return ['--import', `data:text/javascript,${encodeURIComponent(listener)}`];
}

/** Modules of Node that a command loaded beyond those of Node doing nothing. */
function builtinsOf(...argv: string[]): readonly string[] {
  const listed = (rest: readonly string[]) =>
    node([...atExit(`print(process.moduleLoadList.join('\\n'))`), ...rest]).stderr.split('\n');
  const nothing = listed(['--input-type=module', '-e', '0']);
  return listed([main(), ...argv]).filter((name) => !nothing.includes(name));
}

/** A program's entry and all it imports before it runs. */
function importedBy(program: string): { readonly files: number; readonly bytes: number } {
  const files = new Set<string>();
  const follow = (file: string) => {
    if (files.has(file)) return;
    files.add(file);
    for (const [, target = ''] of readFileSync(file, 'utf8').matchAll(/(?:from|\bimport)"(\.[^"]+\.js)"/g)) {
      follow(path.resolve(path.dirname(file), target));
    }
  };
  follow(path.join(installed.folder, 'dist', `${program}.js`));
  return { files: files.size, bytes: [...files].reduce((sum, file) => sum + statSync(file).size, 0) };
}

describe('what is loaded', () => {
  test('by --version: next to nothing', () => {
    const { files, bytes } = loadedBy('--version');
    expect(files).toBeLessThanOrEqual(2);
    expect(bytes).toBeLessThan(3_000);
  });

  test('by status: vmgate itself, and no library', () => {
    const { files, bytes } = loadedBy('status');
    expect(files).toBeGreaterThan(1);
    expect(files).toBeLessThanOrEqual(6);
    expect(bytes).toBeLessThan(83_000);
  });

  test('of Node: what is used, and not what its ES modules drag in', () => {
    const loaded = builtinsOf('status');
    expect(loaded).toContain('NativeModule crypto');
    const dragged = ['http', 'https', 'tls', 'zlib', 'internal/crypto/webcrypto', 'internal/webstreams/readablestream'];
    expect(loaded.filter((name) => dragged.includes(name.replace('NativeModule ', '')))).toEqual([]);
  });

  // Bounds a tenth or so above what they were: ssh2 alone, or the other kinds of VPN, would break the supervisor's, the schema library the guard's.
  test.each([
    ['supervisor/main', 12, 1_000_000],
    ['lab/supervisor-main', 12, 1_000_000],
    ['guard/main', 2, 240_000],
  ] as const)('before %s runs', (program, maxFiles, maxBytes) => {
    const { files, bytes } = importedBy(program);
    expect(files).toBeLessThanOrEqual(maxFiles);
    expect(bytes).toBeLessThan(maxBytes);
    expect(bytes).toBeGreaterThan(50_000);
  });
});

describe('what it costs', () => {
  const RUNS = 7;
  const TRIES = 4;

  /** Milliseconds of processor time: on a machine that does other things too, the clock on the wall tells of those. */
  function costOf(argv: readonly string[]): number {
    const { stderr } = node([...atExit(`const { user, system } = process.cpuUsage(); print(user + system)`), ...argv]);
    return Number(stderr.trim().split('\n').at(-1)) / 1_000;
  }

  /** Of the cheapest of interleaved runs. */
  function ratio(argv: readonly string[]): number {
    const pairs = Array.from({ length: RUNS }, () => [costOf([main(), ...argv]), costOf(['-e', '0'])] as const);
    return Math.min(...pairs.map(([command]) => command)) / Math.min(...pairs.map(([, nothing]) => nothing));
  }

  test.each([
    ['--version', 1.4],
    ['status', 2.2],
  ] as const)(
    '%s is at most %d times Node doing nothing',
    (command, most) => {
      let found = Number.POSITIVE_INFINITY;
      for (let attempt = 0; attempt < TRIES && !(found <= most); attempt += 1)
        found = Math.min(found, ratio([command]));
      expect(found).toBeGreaterThan(0.5);
      expect(found).toBeLessThanOrEqual(most);
    },
    60_000,
  );
});
