/** Reads what `vmgate-gw` printed. The gateway may be owned: anything but the exact document is refused (P11). */
import type * as z from 'zod';
import { VmgateError } from '../core/coded.ts';
import { complaintOf, messageOf } from '../host/index.ts';
import { errors } from './codes.ts';
import { failure, type Verb } from './protocol.ts';

/** What one run of a verb left behind. */
export interface VerbOutput {
  readonly stdout: Buffer;
  readonly stderr: string;
  /** Undefined when the command ended by a signal or the gateway never said. */
  readonly exit: number | undefined;
}

/**
 * The answer to `verb` as `schema` describes it.
 *
 * @throws GATEWAY_VERB_FAILED when the gateway says that it failed, GATEWAY_GARBLED for anything else that is no answer
 */
export function readAnswer<T>(verb: Verb, schema: z.ZodType<T>, output: VerbOutput): T {
  const garbled = (why: string) =>
    VmgateError.of(errors.GATEWAY_GARBLED, { verb, why }, { evidence: evidenceOf(output) });

  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(output.stdout));
  } catch (cause) {
    throw garbled(output.stdout.length === 0 ? 'it is empty' : `it is not JSON: ${messageOf(cause).slice(0, 120)}`);
  }
  const refusal = failure.safeParse(document);
  if (refusal.success) {
    const { step, detail } = refusal.data;
    throw VmgateError.of(errors.GATEWAY_VERB_FAILED, { verb, step }, { evidence: detail.split('\n') });
  }
  if (output.exit !== 0) throw garbled(`it came with exit status ${output.exit ?? 'unknown'}`);
  const answer = schema.safeParse(document);
  if (answer.success) return answer.data;
  throw garbled(complaintOf(answer.error));
}

function evidenceOf({ stdout, stderr }: VerbOutput): readonly string[] {
  const lines = [stdout.subarray(0, 400).toString('utf8'), ...stderr.split('\n')];
  return lines.filter((line) => line !== '');
}
