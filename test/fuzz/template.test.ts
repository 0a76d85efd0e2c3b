import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from '@jest/globals';
import { VmgateError } from '../../src/core/coded.ts';
import { changesTo, fillParts, loadTemplate, partsFor } from '../../src/template/index.ts';
import { corpusOf, fuzz } from './fuzz.ts';
import { mutated } from './mutate.ts';

const here = path.dirname(fileURLToPath(import.meta.url));
const bad = path.join(here, '../unit/template/corpus');
const shipped = path.join(here, '../../vm-templates');
const samples = [
  ...readdirSync(bad).map((file) => readFileSync(path.join(bad, file))),
  ...readdirSync(shipped).map((name) => readFileSync(path.join(shipped, name, 'template.yaml'))),
  Buffer.from(
    'version: 1\nkind: gate\nname: dev\nparameters: {u: {type: url, about: u, default: "https://a.example"}}\nvpn: {kind: wireguard, endpoint: "a.example:1", dns: [10.0.0.1]}\nverify: {every: 10s, exit: {url: {parameter: u}, expect: [10.0.0.0/8]}}\nwork: {a: {image: {builtin: tiny}, onLoss: stop}}\n',
  ),
];
const words = [
  ...[
    'version',
    'kind',
    'gate',
    'work',
    'vm',
    'image',
    'builtin',
    'disk',
    'parameter',
    'parameters',
    'extends',
    'digest',
  ],
  ...['{parameter: disk}', '/etc/shadow', './base', '../', 'tiny', 'path', 'default', '__proto__', 'constructor'],
  ...[': ', '- ', '{', '}', '[', ']', '&a ', '*a', '<<: *a', '---\n', '\t', '\n', '"', '~', '\u0085', '\ud800'],
  ...['-----BEGIN PRIVATE KEY-----', 'PrivateKey =', '9m', '5s', '0.0.0.0/0'],
];

fuzz({
  name: 'template',
  inputs: mutated([...samples, ...corpusOf('template').map(({ bytes }) => bytes)], words),
  judge: async (bytes) => {
    const files = [{ path: 'template.yaml', executable: false, content: bytes }];
    const loaded = await loadTemplate(files, { place: '', version: '0.1.0' }).catch((cause: unknown) => {
      if (!VmgateError.is(cause) || !cause.code.startsWith('TEMPLATE_')) throw cause;
      for (const { line, column } of (cause.payload as { issues?: { line: number; column: number }[] }).issues ?? []) {
        expect(line).toBeGreaterThan(0);
        expect(column).toBeGreaterThan(0);
      }
      return undefined;
    });
    if (loaded === undefined) return;
    // Whatever is accepted names no file of the reader's machine, and only adds to or tightens a vmgate.yaml.
    expect(JSON.stringify(loaded.definition)).not.toMatch(/"(?:disk|kernel|initramfs)":"/);
    const file = { version: 1, verify: { every: '20s', maxAge: '40s' }, work: { a: { onLoss: 'pause' } } } as const;
    const answers = new Map(Object.keys(loaded.definition.parameters ?? {}).map((name) => [name, 'x'] as const));
    for (const { path: key, value } of changesTo(file, fillParts(loaded, partsFor(file, loaded), answers))) {
      if (key.join('.') === 'work.a.onLoss') expect(value).toBe('stop');
      if (key[0] === 'verify') expect(['exit', 'every', 'maxAge']).toContain(key[1]);
    }
  },
});

const pathWords = ['..', '/', '\\', '.', 'a', 'A', '\0', '\n', 'C:', 'template.yaml', '~', '%2e', '\u202e'];

fuzz({
  name: 'template-path',
  inputs: mutated(
    ['a/b.sh', '../x', '/etc/passwd', 'a/../b', 'C:\\x'].map((text) => Buffer.from(text)),
    pathWords,
  ),
  judge: async (bytes) => {
    const name = bytes.toString('utf8');
    const content = Buffer.from('version: 1\nkind: gate\nname: dev\n');
    const files = ['template.yaml', name].map((each) => ({ path: each, executable: false, content }));
    const loaded = await loadTemplate(files, { place: '', version: '0.1.0' }).catch((cause: unknown) => {
      if (!VmgateError.is(cause) || !cause.code.startsWith('TEMPLATE_')) throw cause;
      return undefined;
    });
    if (loaded === undefined) return;
    // Written below a folder it stays there, on every system.
    for (const system of [path.posix, path.win32]) {
      const root = system.resolve('/srv/template');
      expect(system.resolve(root, name).startsWith(`${root}${system.sep}`)).toBe(true);
    }
  },
});
