import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readVbox } from '../../../../src/work/import/vbox.ts';
import { readVdi } from '../../../../src/work/import/vdi.ts';
import { readVmdk } from '../../../../src/work/import/vmdk.ts';
import { parseXml } from '../../../../src/work/import/xml.ts';

describe('XML', () => {
  test('elements, attributes, the five entities', () => {
    expect(parseXml(`<?xml version="1.0"?><!-- a - b --><a x="1 &lt; 2" y='"'> text <b/></a>\n`)).toEqual({
      name: 'a',
      attributes: Object.assign(Object.create(null), { x: '1 < 2', y: '"' }),
      children: [{ name: 'b', attributes: Object.create(null), children: [] }],
    });
  });

  test.each([
    ['', 'root'],
    ['<a>', 'not closed'],
    ['<a></b>', 'closes nothing'],
    ['</a>', 'closes nothing'],
    ['<a/><b/>', 'exactly one root'],
    ['<a x=1/>', 'does not end'],
    ['<!DOCTYPE a [<!ENTITY x "y">]><a/>', 'no element'],
    ['<a><![CDATA[x]]></a>', 'no element'],
    ['<a>'.repeat(65), 'nested deeper'],
    [`<a>${'<b/>'.repeat(50_001)}</a>`, 'more than 50000 elements'],
    [' '.repeat(4_194_305), 'characters'],
  ])('%# is refused', (text, why) => {
    expect(parseXml(text)).toEqual({ why: expect.stringContaining(why) });
  });

  test('a name like a prototype is an attribute like any other', () => {
    expect(parseXml('<a __proto__="x" constructor="y"/>')).toMatchObject({ name: 'a' });
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });

  test('is read in time that grows with the text', () => {
    for (const part of ['<', '<!--', '<a ', '<a b="', '&lt;', '<?', '<a b=" ']) {
      const began = performance.now();
      parseXml(part.repeat(200_000));
      expect(performance.now() - began).toBeLessThan(3_000);
    }
  });
});

test('whatever the bytes are, the readers answer', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2_000 }), fc.constantFrom('KDMV', 'COWD', '# Di', ''), (bytes, magic) => {
      const head = Buffer.concat([Buffer.from(magic), Buffer.from(bytes)]);
      expect(['whole', 'differencing', 'extent', 'broken']).toContain(readVmdk(head).kind);
      expect(['whole', 'differencing', 'extent', 'broken']).toContain(readVdi(head).kind);
    }),
  );
  fc.assert(
    fc.property(fc.string({ maxLength: 500 }), (text) => {
      expect(readVbox(text).kind).toBe('refused');
    }),
  );
});
