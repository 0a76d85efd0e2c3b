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

export interface Target {
  /** Its folder in the corpus. */
  readonly name: string;
  readonly inputs: fc.Arbitrary<Buffer>;
  /** Throws when a promise is broken. */
  readonly judge: (input: Buffer) => void | Promise<void>;
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
          if (found.failed) throw brokenPromise(target, found);
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

function brokenPromise({ name }: Target, found: fc.RunDetails<[Buffer]>): Error {
  const input = found.counterexample?.[0] ?? Buffer.alloc(0);
  const file = createHash('sha256').update(input).digest('hex').slice(0, 12);
  mkdirSync(path.join(CORPUS, name), { recursive: true });
  writeFileSync(path.join(CORPUS, name, file), input);
  return new Error(
    [
      `${name}: ${input.length} bytes break a promise, kept as test/fuzz/corpus/${name}/${file}`,
      `again from here: FUZZ_SEED=${found.seed}, path ${found.counterexamplePath ?? ''}`,
      `text: ${JSON.stringify(input.toString('latin1', 0, 400))}`,
      String(found.errorInstance instanceof Error ? found.errorInstance.stack : found.errorInstance),
    ].join('\n'),
  );
}
