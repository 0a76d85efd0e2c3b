/** The open questions of a template: their types, what an answer may be, and how one takes its place. */
import * as z from 'zod';
import { pieces } from '../config/index.ts';
import { VmgateError } from '../core/coded.ts';
import { errors } from './codes.ts';

/** Each type is a place's own schema: an answer is judged as if it had been written there. */
const TYPES = {
  path: { schema: pieces.path, read: (text: string): unknown => text },
  size: { schema: pieces.memory, read: (text: string): unknown => text },
  cpus: { schema: pieces.cpus, read: (text: string): unknown => (/^\d{1,4}$/.test(text) ? Number(text) : text) },
  url: { schema: pieces.exitUrl, read: (text: string): unknown => text },
  page: { schema: pieces.homePage, read: (text: string): unknown => text },
  prefixes: {
    schema: z.array(pieces.prefix).min(1).max(64),
    read: (text: string): unknown => text.split(/[\s,]+/).filter((prefix) => prefix !== ''),
  },
  boolean: {
    schema: pieces.autostart,
    read: (text: string): unknown => ({ yes: true, true: true, no: false, false: false })[text] ?? text,
  },
  text: { schema: pieces.append, read: (text: string): unknown => text },
} as const;

export type ParameterType = keyof typeof TYPES;
export type Value = string | number | boolean | readonly string[];

export interface Parameter {
  readonly type: ParameterType;
  readonly about: string;
  readonly default?: Value | undefined;
}

/** Stands in a template where an answer comes to stand. */
export interface ParameterUse {
  readonly parameter: string;
}

const parameterName = z.string().regex(/^[a-z][a-zA-Z0-9-]{0,31}$/, {
  error: 'must be 1 to 32 of a-z, A-Z, 0-9 and "-", beginning with a small letter',
});

export const parameterUse = z.strictObject({ parameter: parameterName });

const parameter = z
  .strictObject({
    type: z.enum(Object.keys(TYPES) as [ParameterType, ...ParameterType[]]),
    about: z.string().regex(/^[^\p{Cc}]{1,200}$/u, { error: 'must be one line of 1 to 200 characters' }),
    default: z
      .union([z.string(), z.number(), z.boolean(), z.array(z.string())])
      .optional()
      .meta({ description: 'without it init asks, or wants --set NAME=VALUE; a path has none' }),
  })
  .superRefine(({ type, default: value }, context) => {
    if (value === undefined) return;
    const fault =
      type === 'path'
        ? 'may not be there for a path: only whoever runs init says which file of this machine a VM reads'
        : faultOf(type, value);
    if (fault !== undefined) context.addIssue({ code: 'custom', path: ['default'], message: fault });
  });

export const parameters = z
  .record(parameterName, parameter)
  .refine((all) => Object.keys(all).length <= 32, { error: 'must have at most 32' });

function faultOf(type: ParameterType, value: unknown): string | undefined {
  const result = TYPES[type].schema.safeParse(value);
  if (result.success) return undefined;
  const [issue] = result.error.issues;
  if (issue?.code === 'custom' || issue?.code === 'invalid_format') return issue.message;
  return `must be of type ${type}`;
}

/** An answer as it was typed. @throws TEMPLATE_VALUE_INVALID */
export function readValue(name: string, { type }: Parameter, written: string): Value {
  const value = TYPES[type].read(written.trim());
  const fault = faultOf(type, value);
  if (fault !== undefined) throw VmgateError.of(errors.TEMPLATE_VALUE_INVALID, { name, why: fault });
  return value as Value;
}

/** Which type an answer must have to stand at `key`. */
const PLACES: Readonly<Record<string, ParameterType>> = {
  ...{ disk: 'path', kernel: 'path', initramfs: 'path', append: 'text', user: 'text' },
  ...{ memory: 'size', cpus: 'cpus', autostart: 'boolean', url: 'url', expect: 'prefixes' },
  ...{ homePage: 'page', keepProfile: 'boolean' },
};

export interface UseInPlace {
  readonly path: readonly PropertyKey[];
  readonly name: string;
  readonly type: ParameterType | undefined;
}

/** Every `{parameter: NAME}` below `value`. */
export function usesIn(value: unknown, path: readonly PropertyKey[] = []): readonly UseInPlace[] {
  if (typeof value !== 'object' || value === null) return [];
  if (isUse(value)) return [{ path, name: value.parameter, type: PLACES[String(path.at(-1))] }];
  return Object.entries(value)
    .filter(([key]) => key !== FOREIGN)
    .flatMap(([key, member]) => usesIn(member, [...path, key]));
}

/** Fields of somebody's JSON answer, in that party's words: one of them may be called `parameter`. */
const FOREIGN = 'json';

export function isUse(value: unknown): value is ParameterUse {
  return typeof value === 'object' && value !== null && 'parameter' in value && typeof value.parameter === 'string';
}

/** `value` with every use replaced by its answer. @throws TEMPLATE_VALUE_MISSING */
export function fillIn(
  value: unknown,
  all: Readonly<Record<string, Parameter>>,
  answers: ReadonlyMap<string, Value>,
): unknown {
  if (isUse(value)) return answerFor(value.parameter, all, answers);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, key === FOREIGN ? member : fillIn(member, all, answers)]),
  );
}

function answerFor(name: string, all: Readonly<Record<string, Parameter>>, answers: ReadonlyMap<string, Value>): Value {
  const asked = Object.hasOwn(all, name) ? all[name] : undefined;
  const value = answers.get(name) ?? asked?.default;
  if (value !== undefined) return value;
  const { about = '', type = 'text' } = asked ?? {};
  throw VmgateError.of(errors.TEMPLATE_VALUE_MISSING, { name, about, type });
}
