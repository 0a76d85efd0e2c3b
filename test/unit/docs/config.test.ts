/** Every vmgate.yaml the documentation shows is one that vmgate takes. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { jsonSchema, loadConfig } from '../../../src/config/index.ts';
import { blocksOf, DOCUMENTS, textOf } from './documents.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'vgd-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const blocks = DOCUMENTS.flatMap((document) => blocksOf(document, 'yaml'));

describe('yaml blocks', () => {
  test.each(blocks)('$document:$line', ({ document, line, text }) => {
    const place = path.join(folder, `${document.replaceAll('/', '-')}-${line}`);
    mkdirSync(place);
    const local = text.startsWith('# vmgate.local.yaml');
    if (local) writeFileSync(path.join(place, 'vmgate.yaml'), 'version: 1\nvpn: home\nwork: {win: {template: tiny}}\n');
    writeFileSync(path.join(place, local ? 'vmgate.local.yaml' : 'vmgate.yaml'), text);
    expect(loadConfig(place, folder).config.vpn).not.toBe('');
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
