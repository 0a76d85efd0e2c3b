/** docs/json.md names every field of the stable shapes. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type * as z from 'zod';
import { everyCommand } from '../../../src/cli/run.ts';
import { occur } from '../../../src/core/coded.ts';
import { GATE_CHECKS } from '../../../src/core/verdict.ts';
import { digestOf } from '../../../src/evidence/index.ts';
import { Evidence } from '../../../src/guard/evidence.ts';
import { Journal } from '../../../src/home/index.ts';
import { events } from '../../../src/supervisor/codes.ts';
import { serializedFault, statusReport, verifyResult } from '../../../src/supervisor/protocol.ts';
import { CONFIG, Laptop } from '../cli/command-line.ts';
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

describe('what evidence prints', () => {
  const rowsOf = (heading: string) =>
    (text.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '')
      .split('\n')
      .filter((line) => line.startsWith('| `'))
      .flatMap((line) => [...(line.split(' | ')[0] ?? '').matchAll(/`(\w+)`/g)].map(([, name = '']) => name));
  let laptop: Laptop;
  beforeAll(() => {
    laptop = new Laptop();
    laptop.write('vmgate.yaml', CONFIG);
    const evidence = new Evidence(laptop.layout.gate('default').evidence, 1_048_576);
    evidence.keep(Buffer.alloc(60, 1), 1_000);
    evidence.close();
    const journal = new Journal(laptop.layout.gate('default').journal);
    const foreign = { why: 'multicast', frame: '01'.repeat(60), canary: false, recorded: true };
    const about = { receipt: `sha256:${'0'.repeat(64)}`, evidence: digestOf({ pcap: [] }), expires: '' };
    journal.append(occur(events.GATE_FOREIGN_FRAME, foreign));
    journal.append(occur(events.GATE_RECEIPT, about));
    journal.close();
  });
  afterAll(() => laptop.clear());

  /** Fields of the object, and of what is in its arrays and objects. */
  async function printed(...argv: readonly string[]): Promise<Record<string, unknown>> {
    const [object = {}] = (await laptop.type(...argv, '--json')).json();
    return object;
  }

  test('evidence: each field has a row, and each row a field', async () => {
    const object = await printed('evidence');
    expect(new Set(Object.keys(object))).toEqual(new Set(rowsOf('vmgate evidence --json')));
    for (const list of ['flows', 'frames', 'violations'] as const) {
      const [first] = object[list] as readonly object[];
      for (const field of Object.keys(first ?? {})) expect(text).toContain(`\`${field}\``);
      expect(first).toBeDefined();
    }
    expect(object['receipt']).toMatchObject({ digest: expect.any(String), issued: expect.any(String), frames: null });
  });

  test('evidence --timeline', async () => {
    const object = await printed('evidence', '--timeline');
    expect(new Set(Object.keys(object))).toEqual(new Set(rowsOf('vmgate evidence --timeline --json')));
    const [state] = object['states'] as readonly object[];
    for (const part of [state, object['totals']]) {
      for (const field of Object.keys(part ?? {})) expect(text).toContain(`\`${field}\``);
    }
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
