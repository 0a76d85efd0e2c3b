/** docs/json.md names every field of the stable shapes. */
import { describe, expect, test } from '@jest/globals';
import type * as z from 'zod';
import { everyCommand } from '../../../src/cli/run.ts';
import { GATE_CHECKS } from '../../../src/core/verdict.ts';
import { serializedFault, statusReport, verifyResult } from '../../../src/supervisor/protocol.ts';
import { blocksOf, textOf } from './documents.ts';

const text = textOf('docs/json.md');
const verdict = verifyResult.shape.verdicts.element;
const fieldsOf = (shape: z.ZodObject) => Object.keys(shape.shape);

test.each([...fieldsOf(statusReport), ...fieldsOf(verifyResult), ...fieldsOf(verdict)])('%s has a row', (field) => {
  expect(text).toContain(`\n| \`${field}\` |`);
});

test.each([...GATE_CHECKS, ...verdict.shape.outcome.options])('%s is named', (word) => {
  expect(text).toContain(`\`${word}\``);
});

describe('the examples', () => {
  const [fault, event] = blocksOf('docs/json.md', 'json').map((block) => JSON.parse(block.text) as object);

  test('of an error', () => {
    const { error } = fault as { error?: object };
    expect(serializedFault.safeParse(error).success).toBe(true);
    expect(new Set(Object.keys(error ?? {}))).toEqual(new Set(fieldsOf(serializedFault)));
  });

  test('of an event', () => {
    expect(new Set(Object.keys(event ?? {}))).toEqual(new Set(['at', 'code', 'level', 'payload', 'text']));
  });
});

test('every command is among the queries or the actions', async () => {
  const [queries = '', actions = ''] = [/Query commands\*\* \(([^)]*)\)/s, /Action commands\*\* \(([^)]*)\)/s].map(
    (pattern) => pattern.exec(text)?.[1] ?? '',
  );
  for (const { name, kind } of await everyCommand()) {
    // A shell, a console and a script for a shell are no JSON.
    if (['ssh', 'console', 'completion'].includes(name)) continue;
    expect([name, (kind === 'query' ? queries : actions).replaceAll(/\s+/g, ' ')]).toEqual([
      name,
      expect.stringContaining(`\`${name}\``),
    ]);
  }
});
