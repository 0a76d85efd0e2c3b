/**
 * What a template may be, file by file and key by key.
 *
 * @leakCase 51 none: a template's files with absolute paths, paths that lead out, two names that are one on some systems,
 *   too many or too large ones are refused before anything is written
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { VmgateError } from '../../../src/core/coded.ts';
import {
  digestOfFiles,
  loadTemplate,
  loadTemplateFolder,
  shippedNames,
  type TemplateFile,
  templateJsonSchema,
} from '../../../src/template/index.ts';
import { rejectionOf } from '../faults.ts';
import { expectGolden } from '../golden.ts';

const here = import.meta.dirname;

const file = (name: string, content: string | Uint8Array, executable = false): TemplateFile => ({
  path: name,
  executable,
  content: Buffer.from(content),
});
const WORK = 'version: 1\nkind: work\nname: dev\nvm: {image: {builtin: tiny}}\n';
const yaml = (text: string) => [file('template.yaml', text)];
const load = (files: readonly TemplateFile[], named?: Record<string, readonly TemplateFile[]>) =>
  loadTemplate(files, {
    ...{ place: 'dev/', version: '0.1.0' },
    ...(named === undefined ? {} : { named: async (name: string) => named[name] }),
  });
const refusal = async (files: readonly TemplateFile[], named?: Record<string, readonly TemplateFile[]>) =>
  rejectionOf(load(files, named));

function render(error: VmgateError): string {
  const lines = [`${error.code} exit ${error.exit}`, error.what, ...error.evidence, `-> ${error.remedy}`, ''];
  return lines.join('\n').replaceAll(/digest is sha256:[0-9a-f]+/g, 'digest is sha256:DIGEST');
}

describe('a bad template.yaml is refused in these words', () => {
  test.each(readdirSync(path.join(here, 'corpus')))('%s', async (name) => {
    const error = await refusal(yaml(readFileSync(path.join(here, 'corpus', name), 'utf8')));
    const text = render(error);
    // A secret that was found is not shown again.
    expect(text).not.toContain('2ApXWtY1yxAxgZzU');
    expectGolden(path.join(here, 'golden', name.replace('.yaml', '.txt')), text);
  });

  test('10 MB, more than its bound, no UTF-8', async () => {
    expect((await refusal(yaml('#'.repeat(10_000_000)))).what).toContain('more than 1048576 bytes');
    expect((await refusal(yaml('#'.repeat(70_000)))).what).toContain('dev/template.yaml:1:1: larger than 64 KiB');
    const bytes = Buffer.concat([Buffer.from('version: 1\nname: "grü'), Buffer.from([0xc3, 0x28]), Buffer.from('"\n')]);
    expect((await refusal([file('template.yaml', bytes)])).what).toContain('dev/template.yaml:2:11: this byte is not');
  });
});

describe('a list of files, case 51,', () => {
  test('anti-test: of plain names below one folder is taken', async () => {
    expect((await load([...yaml(WORK), file('a/b.sh', ''), file('x', '')])).files).toHaveLength(3);
  });

  test.each([
    ['/etc/passwd', 'absolute'],
    ['C:\\x', 'absolute'],
    ['\\\\host\\x', 'absolute'],
    ['../x', 'leads out'],
    ['a/../../x', 'leads out'],
    ['a\\..\\x', 'leads out'],
    ['a//b', 'other characters'],
    ['a/', 'other characters'],
    ['', 'other characters'],
    ['a\nb', 'other characters'],
    ['-rf', 'other characters'],
    ['Template.yaml', 'twice'],
    ['template.yaml/x', 'where its folder would be'],
    ['x'.repeat(201), 'longer than 200'],
  ])('%j is refused', async (name, why) => {
    const error = await refusal([...yaml(WORK), file(name, '')]);
    expect(error).toMatchObject({ code: 'TEMPLATE_FILES_REFUSED', exit: 6, what: expect.stringContaining(why) });
  });

  test('too many, too large, too much', async () => {
    const many = Array.from({ length: 256 }, (_, index) => file(`f${index}`, ''));
    expect((await refusal([...yaml(WORK), ...many])).what).toContain('at most 256');
    expect((await refusal([...yaml(WORK), file('a', Buffer.alloc(1_048_577))])).what).toContain('1048576');
    const much = Array.from({ length: 17 }, (_, index) => file(`f${index}`, Buffer.alloc(1_000_000)));
    expect((await refusal([...yaml(WORK), ...much])).what).toContain('all files have more');
  });

  test('without a template.yaml it is none', async () => {
    expect(await refusal([file('readme', '')])).toMatchObject({ code: 'TEMPLATE_UNREADABLE', exit: 2 });
  });

  test('a secret in any file of it is found, the public key of the server is none', async () => {
    const key = 'Ib+lyX2LkjBHMp7sSrer9ecIZwrcvMcBaxBgWOOhTWA=';
    const error = await refusal([...yaml(WORK), file('vpn.conf', `[Interface]\n  PrivateKey = ${key}\n`)]);
    expect(error).toMatchObject({ code: 'TEMPLATE_SECRET', payload: { file: 'dev/vpn.conf', line: 2, column: 3 } });
    const gate = `version: 1\nkind: gate\nname: dev\nvpn: {kind: wireguard, peer: ${key}}\n`;
    expect((await load([...yaml(gate), file('readme', key)])).definition.vpn?.peer).toBe(key);
  });
});

describe('the digest', () => {
  test('follows path, mode and bytes, not the order', () => {
    const files = [file('a', '1'), file('b', '2', true)];
    expect(digestOfFiles(files.toReversed())).toBe(digestOfFiles(files));
    const others = [
      [file('a', '1'), file('b', '2')],
      [file('a', '1'), file('c', '2', true)],
      [file('a', '1'), file('b', '3', true)],
      [file('a', '1')],
    ];
    expect(new Set([files, ...others].map(digestOfFiles)).size).toBe(5);
  });
});

test.each(shippedNames())('the shipped template %s is one, and named as its folder', async (name) => {
  const { definition } = await loadTemplateFolder('/', name, '0.1.0');
  expect(definition).toMatchObject({ name, about: expect.any(String) });
});

test('the schema for editors', () => {
  expectGolden(path.join(here, 'golden/schema.json'), `${JSON.stringify(templateJsonSchema(), undefined, 2)}\n`);
});

describe('extends', () => {
  const base = yaml(`version: 1
kind: gate
name: base
about: everybody's
minimumVmgateVersion: 0.1.0
parameters: {memory: {type: size, about: memory}}
vpn: {kind: wireguard, endpoint: "vpn.acme.example:51820", dns: [10.0.0.1, 10.0.0.2]}
verify: {every: 20s, maxAge: 50s, exit: {url: "https://ip.example", expect: [10.0.0.0/8, 192.0.2.0/24]}}
work:
  a: {image: {builtin: tiny}, cpus: 1, memory: {parameter: memory}, onLoss: pause}
`);
  const over = (text: string, digest = digestOfFiles(base)) =>
    yaml(`version: 1\nkind: gate\nname: dev\nextends: {template: base, digest: "${digest}"}\n${text}`);

  test.each([
    ['about', 'about: mine', { about: 'mine' }],
    ['about, unsaid', '', { about: "everybody's", name: 'dev' }],
    ['the newer version', 'minimumVmgateVersion: 0.0.9', { minimumVmgateVersion: '0.1.0' }],
    [
      'a default',
      'parameters: {memory: {type: size, about: m, default: 1GiB}}',
      { parameters: { memory: { default: '1GiB' } } },
    ],
    ['another parameter', 'parameters: {x: {type: text, about: x}}', { parameters: { memory: {}, x: {} } }],
    ['fewer resolvers', 'vpn: {kind: wireguard, dns: [10.0.0.2, 10.0.0.3]}', { vpn: { dns: ['10.0.0.2'] } }],
    [
      'one more need',
      'vpn: {kind: wireguard, split: false}',
      { vpn: { endpoint: 'vpn.acme.example:51820', split: false } },
    ],
    ['oftener', 'verify: {every: 10s}', { verify: { every: '10s', maxAge: '50s' } }],
    ['rarer is not', 'verify: {every: 30s, maxAge: 60s}', { verify: { every: '20s', maxAge: '50s' } }],
    [
      'narrower exits',
      'verify: {exit: {url: "https://ip.example", expect: [10.1.0.0/16, 192.0.0.0/16]}}',
      { verify: { exit: { expect: ['10.1.0.0/16', '192.0.2.0/24'] } } },
    ],
    ['cpus win', 'work: {a: {cpus: 4}}', { work: { a: { cpus: 4, onLoss: 'pause', image: { builtin: 'tiny' } } } }],
    ['onLoss only stricter', 'work: {a: {onLoss: block}}', { work: { a: { onLoss: 'pause' } } }],
    ['onLoss stricter', 'work: {a: {onLoss: stop}}', { work: { a: { onLoss: 'stop' } } }],
    ['another VM', 'work: {b: {image: {builtin: tiny}}}', { work: { a: {}, b: {} } }],
  ])('%s', async (_, text, expected) => {
    const { definition, bases } = await load(over(text), { base });
    expect(definition).toMatchObject(expected);
    expect(definition).not.toHaveProperty('extends');
    expect(bases).toEqual([{ template: 'base', digest: digestOfFiles(base) }]);
  });

  test.each([
    ['another endpoint', 'vpn: {kind: wireguard, endpoint: "vpn.other.example:51820"}', 'vpn.endpoint cannot be both'],
    ['no common resolver', 'vpn: {kind: wireguard, dns: [10.9.9.9]}', 'vpn.dns cannot be both'],
    ['no common exit', 'verify: {exit: {url: "https://ip.example", expect: [11.0.0.0/8]}}', 'no address lies in both'],
    ['another place to ask', 'verify: {exit: {url: "https://x.example", expect: [10.0.0.0/8]}}', 'asked at one place'],
    ['fields for addresses', 'verify: {exit: {url: "https://ip.example", expect: {json: {a: 1}}}}', 'the other JSON'],
    ['another type', 'parameters: {memory: {type: text, about: m}}', 'a parameter has one type'],
  ])('%s is refused', async (_, text, what) => {
    expect(await refusal(over(text), { base })).toMatchObject({
      code: 'TEMPLATE_CONFLICT',
      exit: 2,
      what: expect.stringContaining(what),
    });
  });

  test('other bytes than pinned, another kind, nothing there', async () => {
    const moved = [...base, file('readme', '')];
    expect((await refusal(over(''), { base: moved })).what).toContain(`its digest is ${digestOfFiles(moved)}`);
    expect((await refusal(over(''), {})).what).toContain('there is no such template');
    const vm = yaml(WORK);
    expect((await refusal(over('', digestOfFiles(vm)), { base: vm })).what).toContain('of kind work');
  });

  test('a folder inside it, whose faults are told with their place', async () => {
    const inner = WORK.replace('dev', 'inner');
    const digest = digestOfFiles(yaml(inner));
    const outer = `version: 1\nkind: work\nname: dev\nextends: {template: ./base, digest: "${digest}"}\nvm: {cpus: 3}\n`;
    const { definition } = await load([...yaml(outer), file('base/template.yaml', inner)]);
    expect(definition).toMatchObject({ name: 'dev', vm: { cpus: 3, image: { builtin: 'tiny' } } });
    const bad = yaml('version: 1\nkind: work\nname: x\nvm: {memroy: 1GiB}\n');
    const other = outer.replace(digest, digestOfFiles(bad));
    const error = await refusal([...yaml(other), file('base/template.yaml', bad[0]?.content ?? '')]);
    expect(error.what).toContain('dev/base/template.yaml:4:6: unknown key "memroy"');
  });

  test('no further than three', async () => {
    const named: Record<string, readonly TemplateFile[]> = { t0: yaml(WORK) };
    for (let index = 1; index <= 4; index += 1) {
      const below = `t${index - 1}`;
      const digest = digestOfFiles(named[below] ?? []);
      named[`t${index}`] = yaml(
        `version: 1\nkind: work\nname: t${index}\nextends: {template: ${below}, digest: "${digest}"}\nvm: {}\n`,
      );
    }
    expect((await load(named['t3'] ?? [], named)).bases).toHaveLength(3);
    expect((await refusal(named['t4'] ?? [], named)).what).toContain('more than 3 templates away');
  });

  test('two that name each other end at the digest', async () => {
    const link = (to: string) =>
      yaml(`version: 1\nkind: work\nname: x\nextends: {template: ${to}, digest: "sha256:${'0'.repeat(64)}"}\nvm: {}\n`);
    expect((await refusal(link('b'), { a: link('b'), b: link('a') })).code).toBe('TEMPLATE_BASE_REFUSED');
  });
});
