/**
 * The mechanism of every fuzz test. A target is a name, an arbitrary of bytes and a judge that throws when a promise is
 * broken. Each target is two tests: the inputs kept in `corpus/NAME` first, then fresh ones for FUZZ_SECONDS (1 unless
 * said). As with Go's fuzzing, an input that breaks a promise is written into the corpus, shrunk: from then on every
 * run replays it.
 *
 * FUZZ_SEED=N begins with the seed a failure printed.
 */
import { createHash, randomInt } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import vm from 'node:vm';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { VmgateError } from '../../src/core/coded.ts';
import { neighbours } from './mutate.ts';

export interface Target {
  /** Its folder in the corpus. */
  readonly name: string;
  readonly inputs: fc.Arbitrary<Buffer>;
  /** Throws when a promise is broken. */
  readonly judge: (input: Buffer) => void | Promise<void>;
  /** Samples whose {@link neighbours} are all tried, each time. Only where `judge` answers at once. */
  readonly around?: readonly Buffer[];
  /** Inputs between two looks at the clock; fewer where one input costs milliseconds. */
  readonly batch?: number;
}

const CORPUS = path.join(path.dirname(fileURLToPath(import.meta.url)), 'corpus');
const SECONDS = Number(process.env['FUZZ_SECONDS'] ?? 1);
const SEED = process.env['FUZZ_SEED'];
/** An input takes less than a millisecond; this long only on a machine that does something else, or for ever. */
const HANGS_AFTER_MS = 30_000;
/** What an error may weigh: it is journaled, sent over sockets and shown to people. */
const MAX_FAULT = 16_384;

/** Declares the tests of `target`. */
export function fuzz(target: Target): void {
  describe(target.name, () => {
    const kept = corpusOf(target.name);
    if (kept.length > 0) {
      test.each(kept.map(({ file, bytes }) => [file, bytes] as const))('%s, found before', (_, bytes) =>
        bounded(target, bytes),
      );
    }
    if (target.around !== undefined) {
      const { around } = target;
      test('all that is one step away from a sample', () => {
        for (const sample of around) walk(target, sample);
      }, 120_000);
    }
    test(
      `fresh inputs for ${SECONDS} s`,
      async () => {
        const until = performance.now() + SECONDS * 1_000;
        const property = fc.asyncProperty(target.inputs, (input) => bounded(target, input));
        const numRuns = target.batch ?? 200;
        for (
          let seed = Number(SEED ?? randomInt(2 ** 31)), first = true;
          first || performance.now() < until;
          seed += 1
        ) {
          first = false;
          const found = await fc.check(property, { seed, numRuns, interruptAfterTimeLimit: SECONDS * 1_000 + 60_000 });
          if (found.failed) {
            const [input = Buffer.alloc(0)] = found.counterexample ?? [];
            throw brokenPromise(target, input, found.errorInstance, `FUZZ_SEED=${found.seed}`);
          }
        }
      },
      SECONDS * 2_000 + 180_000,
    );
  });
}

/** The files kept for a target: samples for its generator too. */
export function corpusOf(name: string): readonly { readonly file: string; readonly bytes: Buffer }[] {
  const folder = path.join(CORPUS, name);
  try {
    return readdirSync(folder)
      .sort()
      .map((file) => ({ file, bytes: readFileSync(path.join(folder, file)) }));
  } catch {
    return [];
  }
}

/** `expect` for what is asked a million times: it costs nothing while the promise holds. */
export function hold(promise: string, kept: boolean): void {
  if (!kept) throw new Error(`broken: ${promise}`);
}

/**
 * Runs `read`, which may refuse only with a VmgateError, of a bounded size, whose code begins with one of `codes`;
 * `refused` looks at it further.
 */
export function orCoded<T>(
  codes: readonly string[],
  read: () => T,
  refused: (fault: VmgateError) => void = () => {},
): T | undefined {
  try {
    return read();
  } catch (fault) {
    expectCoded(fault, codes);
    refused(fault);
    return undefined;
  }
}

/** {@link orCoded} for what answers later. */
export async function orCodedLater<T>(codes: readonly string[], read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (fault) {
    expectCoded(fault, codes);
    return undefined;
  }
}

function expectCoded(fault: unknown, codes: readonly string[]): asserts fault is VmgateError {
  if (!VmgateError.is(fault)) throw fault;
  if (!codes.some((code) => fault.code.startsWith(code))) throw new Error(`code ${fault.code}`, { cause: fault });
  expect(JSON.stringify(fault.serialize()).length).toBeLessThan(MAX_FAULT);
  expect(fault.remedy).not.toBe('');
}

/** An endless loop in synchronous code is ended by V8 itself; a promise that never settles is given up. */
async function bounded({ judge }: Target, input: Buffer): Promise<void> {
  bench['judge'] = () => judge(input);
  const pending: unknown = CALL.runInContext(bench, { timeout: HANGS_AFTER_MS });
  if (!(pending instanceof Promise)) return;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end after ${HANGS_AFTER_MS} ms`)), HANGS_AFTER_MS);
  });
  try {
    await Promise.race([pending, late]);
  } finally {
    clearTimeout(timer);
  }
}

const CALL = new vm.Script('judge()');
const bench = vm.createContext({ judge: (): unknown => undefined });

/** One look at the clock for a thousand inputs: V8's watch costs more than they do. */
function walk(target: Target, sample: Buffer): void {
  let input = sample;
  bench['judge'] = () => {
    for (input of neighbours(sample)) void target.judge(input);
  };
  try {
    CALL.runInContext(bench, { timeout: 4 * HANGS_AFTER_MS });
  } catch (cause) {
    throw brokenPromise(target, input, cause, 'it is found each time');
  }
}

/** Keeps the input, and says what it is and how to meet it again. */
function brokenPromise({ name }: Target, input: Buffer, cause: unknown, again: string): Error {
  const file = createHash('sha256').update(input).digest('hex').slice(0, 12);
  mkdirSync(path.join(CORPUS, name), { recursive: true });
  writeFileSync(path.join(CORPUS, name, file), input);
  const lines = [
    `${name}: ${input.length} bytes break a promise, kept as test/fuzz/corpus/${name}/${file}; ${again}`,
    `text: ${JSON.stringify(input.toString('latin1', 0, 400))}`,
    String(typeof cause === 'object' && cause !== null && 'stack' in cause ? cause.stack : cause),
  ];
  return new Error(lines.join('\n'));
}
