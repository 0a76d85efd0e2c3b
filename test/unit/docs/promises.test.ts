/** docs/threat-model.md: each promise says what enforces it, what proves it, and what an owned gateway can still do. */
import { existsSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { inRepository, textOf } from './documents.ts';

const sections = textOf('docs/threat-model.md').split(/^## /m);

test.each(Array.from({ length: 11 }, (_, index) => `P${index + 1}`))('%s', (promise) => {
  const found = sections.filter((section) => section.startsWith(`${promise} `));
  expect(found).toHaveLength(1);
  const [section = ''] = found;
  for (const part of ['Enforced by', 'Proven by', 'An owned gateway']) expect(section).toContain(`\n- ${part}: `);
  const [, proof = ''] = /^- Proven by: ([\s\S]*?)^- /m.exec(section) ?? [];
  const tests = [...proof.matchAll(/`(test\/[^`]+)`/g)].map(([, file = '']) => file);
  expect(tests.length).toBeGreaterThan(0);
  expect(tests.filter((file) => !existsSync(inRepository(file)))).toEqual([]);
});
