/** Reads the supervisor's samples: a line a minute of what went through (src/supervisor/samples.ts). */
import * as z from 'zod';
import { rotatedLines } from '../../home/index.ts';
import { parseJson } from '../../host/index.ts';

const count = z.int().nonnegative();

const line = z
  .object({
    from: z.iso.datetime(),
    to: z.iso.datetime(),
    phase: z.string().max(32),
    outBytes: count,
    inBytes: count,
    blocked: count,
    held: count,
  })
  .transform(({ from, to, ...rest }) => ({ fromMs: Date.parse(from), toMs: Date.parse(to), ...rest }))
  // A clock that was set back between the two tells of no time at all.
  .refine(({ fromMs, toMs }) => fromMs <= toMs);

/** What went through between two moments (milliseconds since the epoch), and the phase at the second. */
export type Sample = z.infer<typeof line>;

/** Oldest first. Lines that are none (cut off, garbled) are passed over and counted. */
export function readSamples(file: string): { readonly samples: readonly Sample[]; readonly unreadable: number } {
  const lines = rotatedLines(file);
  const samples = lines.flatMap((text) => line.safeParse(parseJson(text)).data ?? []);
  return { samples: samples.toSorted((a, b) => a.fromMs - b.fromMs), unreadable: lines.length - samples.length };
}
