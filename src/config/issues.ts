/** Turns what zod found into sentences with positions. */
import type * as z from 'zod';
import { nearest } from '../core/nearest.ts';
import type { ConfigIssue } from './codes.ts';
import { MAX_ISSUES, MAX_QUOTED, type YamlDocument } from './document.ts';
import { jsonSchema } from './schema.ts';

type Issue = z.core.$ZodIssue;

/** What a refusal knows about a kind of file beside its schema. */
export interface Vocabulary {
  /** The same schema as JSON Schema: its tree of keys is plain data. */
  readonly keys: () => Record<string, unknown>;
  /** A sentence for a key that nobody misspelt, but that this version does not know; undefined for all others. */
  readonly notYet: (path: readonly PropertyKey[], key: string) => string | undefined;
}

const CONFIG_WORDS: Vocabulary = {
  keys: jsonSchema,
  notYet: (path, key) =>
    path.length === 0 && key === 'template' ? 'template belongs into vmgate.yaml, where the team sees it' : undefined,
};

/** Checks `document` against `schema`; one sentence for each fault. */
export function checkDocument<T>(
  file: string,
  document: YamlDocument,
  schema: z.ZodType<T>,
  words: Vocabulary = CONFIG_WORDS,
): { readonly value: T; readonly issues?: never } | { readonly issues: readonly ConfigIssue[] } {
  const result = schema.safeParse(document.value, { error: sentence });
  if (result.success) return { value: result.data };
  const issues = result.error.issues
    .slice(0, MAX_ISSUES)
    .flatMap((issue) => flatten(issue, words))
    .slice(0, MAX_ISSUES)
    .map(({ path, message, aim }) => ({
      ...{ file, ...document.positionOf(path, aim) },
      ...{ key: path.join('.').slice(0, MAX_QUOTED), message: message.slice(0, 2 * MAX_QUOTED) },
    }));
  return { issues: issues.toSorted((a, b) => a.line - b.line || a.column - b.column) };
}

interface FlatIssue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly aim: 'key' | 'value';
}

function flatten(issue: Issue, words: Vocabulary, above: readonly PropertyKey[] = []): readonly FlatIssue[] {
  const path = [...above, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys
      .slice(0, MAX_ISSUES)
      .map((key) => ({ path: [...path, key], message: unknownKey(words, path, key), aim: 'key' }));
  }
  if (issue.code === 'invalid_key') {
    const name = JSON.stringify(String(path.at(-1)));
    return [{ path, message: `the name ${name} ${issue.issues[0]?.message ?? issue.message}`, aim: 'key' }];
  }
  if (issue.code === 'invalid_union') {
    const meant = issue.errors.find(
      (branch) => !branch.some((fault) => fault.code === 'invalid_type' && fault.path.length === 0),
    );
    if (meant !== undefined && meant.length > 0) return meant.flatMap((fault) => flatten(fault, words, path));
  }
  const name = path.at(-1);
  const subject = typeof name === 'number' ? `entry ${name + 1} of ${String(path.at(-2))}` : String(name ?? 'the file');
  return [{ path, message: `${subject} ${issue.message}`, aim: 'value' }];
}

function unknownKey(words: Vocabulary, path: readonly PropertyKey[], key: string): string {
  const planned = words.notYet(path, key);
  if (planned !== undefined) return planned;
  const where = path.length === 0 ? '' : ` in ${path.join('.')}`;
  const known = knownKeys(words, path);
  const meant = nearest(key, known);
  const hint = meant === undefined ? `; known here: ${known.join(', ')}` : `, did you mean "${meant}"?`;
  return `unknown key ${JSON.stringify(key)}${where}${hint}`;
}

interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: SchemaNode | false;
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
}

function knownKeys(words: Vocabulary, path: readonly PropertyKey[]): readonly string[] {
  let nodes: readonly SchemaNode[] = [words.keys()];
  for (const segment of path) {
    nodes = nodes.flatMap((node) => {
      const next = node.properties?.[String(segment)] ?? node.additionalProperties ?? node.items;
      return next === undefined || next === false ? [] : [next, ...(next.anyOf ?? [])];
    });
  }
  return nodes.flatMap((node) => Object.keys(node.properties ?? {}));
}

/** Sentences complete "KEY ...". Undefined leaves zod's own text, which no issue of our schema comes to. */
function sentence(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      if (issue.input === undefined) return 'is missing';
      return `must be ${TYPE_NAMES[issue.expected] ?? issue.expected}, not ${describe(issue.input)}`;
    case 'invalid_value': {
      const values = issue.values.map(String);
      const meant = typeof issue.input === 'string' ? nearest(issue.input, values) : undefined;
      return `must be ${values.join(' or ')}${meant === undefined ? '' : `, did you mean "${meant}"?`}`;
    }
    case 'too_small':
      return `must ${issue.origin === 'number' ? 'be' : 'have'} at least ${issue.minimum}`;
    case 'too_big':
      return `must ${issue.origin === 'number' ? 'be' : 'have'} at most ${issue.maximum}`;
    case 'invalid_union':
      return issue.input === undefined ? 'is missing' : 'must be of another kind: see vmgate schema';
    default:
      return undefined;
  }
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a group of keys',
  record: 'a group of keys',
};

function describe(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a group of keys';
  return typeof value === 'string' ? `the text ${JSON.stringify(value.slice(0, 40))}` : String(value);
}
