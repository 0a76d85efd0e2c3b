/** Thousands of frames in a few lines: what they wanted, how many, from when to when. */
import { type CapturedFrame, describeFlow } from '../frame/index.ts';

export interface Flow {
  readonly what: string;
  readonly frames: number;
  /** On the wire. */
  readonly bytes: number;
  /** Milliseconds since the epoch. */
  readonly firstMs: number;
  readonly lastMs: number;
}

/** Most frames first. */
export function flowsOf(frames: readonly CapturedFrame[]): readonly Flow[] {
  const flows = new Map<string, Flow>();
  for (const { frame, atMs, originalLength } of frames) {
    const what = describeFlow(frame);
    const flow = flows.get(what) ?? { what, frames: 0, bytes: 0, firstMs: atMs, lastMs: atMs };
    flows.set(what, {
      what,
      frames: flow.frames + 1,
      bytes: flow.bytes + originalLength,
      firstMs: Math.min(flow.firstMs, atMs),
      lastMs: Math.max(flow.lastMs, atMs),
    });
  }
  return [...flows.values()].toSorted((a, b) => b.frames - a.frames);
}
