/** Links lead somewhere, files that are named exist, and the documentation keeps to plain characters. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { DOCUMENTS, inRepository, textOf } from './documents.ts';

/** As GitHub makes them: lower case, spaces to hyphens, punctuation gone. */
function anchorsOf(document: string): readonly string[] {
  return [...textOf(document).matchAll(/^#{1,6} (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}

describe.each(DOCUMENTS)('%s', (document) => {
  const text = textOf(document);

  test('links', () => {
    const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
    const broken = targets.filter((target) => {
      const [file = '', anchor] = target.split('#');
      const found = file === '' ? document : path.posix.join(path.posix.dirname(document), file);
      if (!existsSync(inRepository(found))) return true;
      return anchor !== undefined && !anchorsOf(found).includes(anchor);
    });
    expect(broken).toEqual([]);
  });

  test('files of the repository', () => {
    const named = [...text.matchAll(/`((?:src|test|docs|provision|bench|vm-templates)\/[\w./-]*[\w/])`/g)];
    expect(named.map(([, file = '']) => file).filter((file) => !existsSync(inRepository(file)))).toEqual([]);
  });

  test('plain characters, and a title', () => {
    expect([...text].filter((character) => !/[\n -~]/.test(character))).toEqual([]);
    expect(text).toMatch(/^# \S/);
  });
});
