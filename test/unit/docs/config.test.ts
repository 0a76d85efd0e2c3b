/** Every vmgate.yaml and template.yaml the documentation shows is one that vmgate takes. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { jsonSchema, loadConfig } from '../../../src/config/index.ts';
import { digestOfFiles, loadTemplate, templateJsonSchema } from '../../../src/template/index.ts';
import { blocksOf, DOCUMENTS, textOf } from './documents.ts';

/** Stands for whatever an example extends: its digest is known here only. */
const BASE = 'version: 1\nkind: gate\nname: base\nwork: {dev: {image: {builtin: tiny}}}\n';

const folder = mkdtempSync(path.join(tmpdir(), 'vgd-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const all = DOCUMENTS.flatMap((document) => blocksOf(document, 'yaml'));
const isTemplate = ({ text }: { readonly text: string }) => text.startsWith('# template.yaml');
const blocks = all.filter((block) => !isTemplate(block));

describe('yaml blocks', () => {
  test.each(blocks)('$document:$line', ({ document, line, text }) => {
    const place = path.join(folder, `${document.replaceAll('/', '-')}-${line}`);
    mkdirSync(place);
    const local = text.startsWith('# vmgate.local.yaml');
    if (local) writeFileSync(path.join(place, 'vmgate.yaml'), 'version: 1\nvpn: home\nwork: {win: {template: tiny}}\n');
    writeFileSync(path.join(place, local ? 'vmgate.local.yaml' : 'vmgate.yaml'), text);
    expect(loadConfig(place, folder).config.vpn).not.toBe('');
  });

  test.each(all.filter(isTemplate))('a template: $document:$line', async ({ text }) => {
    const content = Buffer.from(text);
    const named = async () => [{ path: 'template.yaml', executable: false, content: Buffer.from(BASE) }];
    const digest = digestOfFiles(await named());
    const pinned = Buffer.from(text.replace(/sha256:[0-9a-f]{64}/, digest));
    const files = [{ path: 'template.yaml', executable: false, content: text.includes('extends:') ? pinned : content }];
    const { definition } = await loadTemplate(files, { place: '', version: '0.1.0', named });
    expect(definition.name).not.toBe('');
  });

  test('are there', () => {
    expect(blocks.length).toBeGreaterThan(4);
  });
});

/** Every key of the schema, by its last word. */
function keysOf(schema: unknown): readonly string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const { properties = {} } = schema as { properties?: Readonly<Record<string, unknown>> };
  return [
    ...Object.keys(properties),
    ...Object.values(schema).flatMap(keysOf),
    ...Object.values(properties).flatMap(keysOf),
  ];
}

test.each([...new Set(keysOf(jsonSchema()))])('docs/configuration.md explains %s', (key) => {
  expect(textOf('docs/configuration.md')).toMatch(new RegExp(`\\b${key}\\b`));
});

test.each([...new Set(keysOf(templateJsonSchema()))])('docs/templates.md explains %s', (key) => {
  expect(textOf('docs/templates.md')).toMatch(new RegExp(`\\b${key}\\b`));
});
