import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from '@jest/globals';
import { loadConfig } from '../../src/config/index.ts';
import { corpusOf, fuzz, orCoded } from './fuzz.ts';
import { growsLinearly } from './growth.ts';
import { mutated } from './mutate.ts';

const root = mkdtempSync(path.join(os.tmpdir(), 'vmgate-fuzz-'));
const [project, home] = [path.join(root, 'project'), path.join(root, 'home')];
for (const folder of [project, home]) mkdirSync(folder);
afterAll(() => rmSync(root, { recursive: true }));

const unit = path.join(path.dirname(fileURLToPath(import.meta.url)), '../unit/config/corpus');
const good = [
  'version: 1\nvpn: mullvad\nverify: {exit: {url: "https://am.i.mullvad.net/json", expect: {json: {mullvad_exit_ip: true}}}, every: 30s, maxAge: 60s}\nwork: {web: {template: tiny}}\n',
  'version: 1\ngate: acme\nvpn: acme\nverify:\n  exit: {url: "http://intranet.acme.example/ip", expect: [10.20.0.0/16]}\n  every: 30s\n  maxAge: 60s\nwork:\n  win: {disk: ~/vms/acme.qcow2, hardware: compat, memory: 4GiB}\n',
];
const local =
  'vpn: mine\nendpoint: {allowPrivate: false}\nverify: {every: 10s, maxAge: 40s}\nwork: {web: {memory: 1GiB}}\n';
const samples = [...good, local, ...readdirSync(unit).map((file) => readFileSync(path.join(unit, file)))].map((text) =>
  Buffer.from(text),
);
const words = [
  ...[
    'version',
    'vpn',
    'gate',
    'verify',
    'exit',
    'expect',
    'every',
    'maxAge',
    'work',
    'disk',
    'memory',
    'cpus',
    'hardware',
    'image',
  ],
  ...[
    ': ',
    '- ',
    '{',
    '}',
    '[',
    ']',
    ', ',
    '&a ',
    '*a',
    '<<: *a',
    '!!binary ',
    '!!js/function ',
    '|\n ',
    '>\n ',
    '---\n',
    '...\n',
    '? ',
  ],
  ...[
    '\t',
    '\n',
    '\r\n',
    '  ',
    '#',
    '"',
    "'",
    '~',
    'null',
    '1e999',
    '0x10',
    '30s',
    '9m',
    '1h',
    'true',
    '4GiB',
    '__proto__',
    'constructor',
    '\u0085',
    '%YAML 1.1\n',
  ],
];

function load(text: Buffer | string, personal?: Buffer) {
  writeFileSync(path.join(project, 'vmgate.yaml'), text);
  const file = path.join(project, 'vmgate.local.yaml');
  rmSync(file, { force: true });
  if (personal !== undefined) writeFileSync(file, personal);
  return loadConfig(project, home);
}

test('the samples that are mutated below are good as they stand', () => {
  for (const text of good) expect(load(text).config.work).toHaveLength(1);
  expect(load(good[0] ?? '', Buffer.from(local)).config.verify.everyMs).toBe(10_000);
});

for (const [name, read] of [
  ['config', (bytes: Buffer) => load(bytes)],
  ['config-local', (bytes: Buffer) => load(good[0] ?? '', bytes)],
] as const) {
  fuzz({
    name,
    inputs: mutated([...samples, ...corpusOf(name).map(({ bytes }) => bytes)], words),
    judge: (bytes) => {
      const lines = bytes.toString('utf8').split('\n');
      const loaded = orCoded(
        ['CONFIG_INVALID', 'CONFIG_LOOSENS', 'CONFIG_UNREADABLE'],
        () => read(bytes),
        ({ code, exit, payload }) => {
          expect(exit).toBe(2);
          if (code === 'CONFIG_UNREADABLE') return;
          const { issues } = payload as { issues: readonly { file: string; line: number; column: number }[] };
          expect(issues.length).toBeGreaterThan(0);
          for (const { file, line, column } of issues) {
            if (name === 'config-local' && !file.endsWith('local.yaml')) continue;
            expect(line).toBeGreaterThan(0);
            expect(line).toBeLessThanOrEqual(lines.length);
            expect(column).toBeGreaterThan(0);
            expect(column).toBeLessThanOrEqual((lines[line - 1]?.length ?? 0) + 1);
          }
        },
      );
      if (loaded === undefined) return;
      const { config, digest } = loaded;
      // What is accepted keeps the promises a configuration cannot loosen, and means the same when read again.
      expect(config.verify.maxAgeMs).toBeLessThanOrEqual(3_600_000);
      expect(config.verify.everyMs).toBeLessThanOrEqual(config.verify.maxAgeMs);
      for (const vpn of config.vpn) expect(vpn).toMatch(/^[a-z0-9]/i);
      for (const work of config.work) expect(work.name).toMatch(/^[a-z][a-z0-9-]*$/);
      expect(read(bytes).digest).toBe(digest);
      if (name !== 'config-local') return;
      // A personal file can only tighten what the team's says.
      const team = load(good[0] ?? '').config;
      expect(config.verify.everyMs).toBeLessThanOrEqual(team.verify.everyMs);
      expect(config.verify.maxAgeMs).toBeLessThanOrEqual(team.verify.maxAgeMs);
      expect(config.verify.exit).toEqual(team.verify.exit);
      expect(config.endpoint.allowPrivate).toBe(false);
    },
  });
}

/** What a file may have; where each item costs the parser an error object, less, or it takes the test seconds. */
const [LARGEST, FAULTY] = [65_000, 16_000];
const fill = (n: number, unit: (index: number) => string) => {
  let text = '';
  for (let index = 0; text.length < n; index += 1) text += unit(index);
  return text.slice(0, n);
};
for (const [name, unitOf, largest = LARGEST] of [
  ['keys', (index: number) => `k${index}: 1\n`],
  ['work VMs', (index: number) => (index === 0 ? 'work:\n' : ` w${index}: {}\n`)],
  ['unknown keys of one work VM', (index: number) => (index === 0 ? 'work:\n w:\n' : `  k${index}: 1\n`)],
  ['list items', (index: number) => (index === 0 ? 'vpn:\n' : `- ${index}\n`)],
  ['anchors', (index: number) => `- &a${index} 1\n`],
  ['aliases', (index: number) => (index === 0 ? '- &a 1\n' : '- *a\n')],
  ['errors', () => ': :\n', FAULTY],
  ['brackets', () => '[]', FAULTY],
  ['indentation', (index: number) => `${' '.repeat(Math.min(index, 600))}a:\n`],
  ['flow keys', (index: number) => (index === 0 ? '{' : `k${index}: 1, `)],
  [
    'expected addresses',
    (index: number) => (index === 0 ? 'verify: {exit: {url: "https://a.b", expect: [' : '10.0.0.0/8, '),
  ],
  ['question marks', () => '? a\n', FAULTY],
] as const) {
  growsLinearly(
    `configuration of ${name}`,
    largest,
    (n) => fill(n, unitOf),
    (text) => {
      try {
        load(text);
      } catch {
        // Which refusal it is, is the other tests' matter.
      }
    },
  );
}
