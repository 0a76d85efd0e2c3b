/** What follows the end of a gateway process: a fresh one, rest, or the end of `down`. */
import { refuse, type Step, settle } from './closing.ts';
import { boot, enter } from './opening.ts';
import { type GateState, STOPPED } from './state.ts';
import { reply } from './work.ts';

export function gatewayKilled(state: GateState, generation: number): Step {
  if (generation !== state.generation || state.closing === undefined) return [state, []];
  const dead: GateState = { ...state, gatewayAlive: false, closing: undefined };
  switch (state.closing.target) {
    case 'violated': {
      const violated: GateState = { ...dead, phase: 'violated', upWaiters: [] };
      return enter(violated, refuse(violated, dead.upWaiters));
    }
    case 'stopping': {
      const stopping: GateState = { ...dead, phase: 'stopping' };
      // Nothing is `defining` any more; what is `stopping` was told before.
      const running = Object.keys(stopping.work).filter((name) => stopping.work[name]?.status === 'running');
      const stops = running.map((name) => ({ do: 'stopWork', name, force: false }) as const);
      const work = Object.fromEntries(running.map((name) => [name, { ...STOPPED, status: 'stopping' as const }]));
      return finishDown([{ ...stopping, work: { ...stopping.work, ...work } }, stops]);
    }
    case 'closed':
    case 'booting':
      return reboot(dead);
  }
}

/** A fresh gateway: at once after the first failure, after the backoff from then on. */
export function reboot(state: GateState): Step {
  if (state.reason !== undefined && state.retries > 0) return settle(state);
  return boot({ ...state, retries: state.reason === undefined ? 0 : 1 });
}

/** `down` is done when no work VM is left. */
export function finishDown([state, effects]: Step): Step {
  const left = Object.values(state.work).some((vm) => vm.status !== 'stopped');
  if (state.phase !== 'stopping' || left) return [state, effects];
  const down: GateState = { ...state, phase: 'down', downWaiters: [] };
  return [
    down,
    [
      ...effects,
      { do: 'announce', phase: 'down', reason: undefined, claim: undefined },
      reply(state.downWaiters, { ok: true, already: false }),
      { do: 'exit' },
    ],
  ];
}
