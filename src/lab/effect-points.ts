/**
 * Every effect of a lab's supervisor as a point in time at which something can be hit: its log tells which there are,
 * and a strike hits one part just before the effect runs, from within, so that no scheduling of processes decides what
 * was hit when.
 */
import { appendFileSync } from 'node:fs';
import * as z from 'zod';
import type { Effect } from '../core/gate/effects.ts';
import type { GateLayout } from '../home/index.ts';
import { pidOf } from './parts.ts';

export const effectPlan = z.strictObject({
  /** Gets a line for each point: the turn of the event loop it came in, and its name. */
  log: z.string(),
  strike: z
    .strictObject({
      /** A point's name. */
      at: z.string(),
      /** Where it is not there yet, it is hit as soon as it is. A number: any process, by its id. */
      part: z.union([
        z.enum(['supervisor', 'guard', 'gateway']),
        z.strictObject({ work: z.string() }),
        z.strictObject({ pid: z.int().positive() }),
      ]),
      signal: z.enum(['SIGKILL', 'SIGSTOP']),
    })
    .optional(),
});
export type EffectPlan = z.infer<typeof effectPlan>;
export type Strike = NonNullable<EffectPlan['strike']>;

/** The line that tells of a strike. */
export const STRUCK = 'struck';
const LOOK_AGAIN_MS = 5;

/** Each name once: what is repeated for as long as the gate is open (pulse, lease, heartbeat) is one point. */
export function effectPoints({ log, strike }: EffectPlan, gate: GateLayout): (effect: Effect) => void {
  const seen = new Set<string>();
  let replies = 0;
  let turn = 0;
  let isSameTurn = false;
  return (effect) => {
    if (effect.do === 'reply') replies += 1;
    const point = effect.do === 'reply' ? `reply ${replies}` : nameOf(effect);
    if (seen.has(point)) return;
    seen.add(point);
    if (!isSameTurn) {
      isSameTurn = true;
      turn += 1;
      setImmediate(() => {
        isSameTurn = false;
      });
    }
    appendFileSync(log, `${turn} ${point}\n`);
    if (strike?.at === point) hit(strike, gate, log);
  };
}

/** Effects that differ in what they do to whom differ in name. */
export function nameOf(effect: Effect): string {
  switch (effect.do) {
    case 'announce':
      return `announce ${effect.phase}`;
    case 'timer':
      return `timer ${effect.name}`;
    case 'lease':
      return effect.raise === undefined ? 'lease' : `lease ${effect.raise}`;
    default:
      return 'name' in effect ? `${effect.do} ${effect.name}` : effect.do;
  }
}

function hit({ part, signal }: Strike, gate: GateLayout, log: string): void {
  const strike = (pid: number) => {
    appendFileSync(log, `${STRUCK} ${pid}\n`);
    process.kill(pid, signal);
  };
  const look = async (who: Exclude<typeof part, 'supervisor' | { readonly pid: number }>) => {
    const pid = await pidOf(gate, who);
    if (pid === undefined) setTimeout(() => void look(who), LOOK_AGAIN_MS);
    else strike(pid);
  };
  if (part === 'supervisor') strike(process.pid);
  else if (typeof part === 'object' && 'pid' in part) strike(part.pid);
  else void look(part);
}
