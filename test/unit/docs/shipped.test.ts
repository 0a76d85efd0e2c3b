/** docs/templates.md names everything that a work VM can be made of here: what is left out there is not found. */
import { expect, test } from '@jest/globals';
import { IMAGE_KINDS } from '../../../src/image/image.ts';
import { shippedNames } from '../../../src/template/index.ts';
import { textOf } from './documents.ts';

const text = textOf('docs/templates.md');

test('every template that comes with vmgate', () => {
  const rows = text.match(/(?<=^\| )`.*`(?= \| (?:gate|work) \| )/gm) ?? [];
  const named = rows.flatMap((row) => row.match(/(?<=`)[a-z-]+(?=`)/g) ?? []);
  expect(named.toSorted()).toEqual([...shippedNames()].toSorted());
});

test('every image that a work VM boots by its name', () => {
  const kinds = IMAGE_KINDS.filter((kind) => kind !== 'gateway' && kind !== 'lab');
  const rows = text.match(/(?<=^\| `template: )[a-z]+(?=` \| )/gm) ?? [];
  expect(new Set(rows)).toEqual(new Set(kinds));
});
