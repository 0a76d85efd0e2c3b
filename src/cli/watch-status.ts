/** `status --watch`: one screenful, redrawn in place when something changed; off a terminal a new report each time. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { StatusReport } from '../supervisor/protocol.ts';
import type { Context } from './command.ts';
import type { Gate } from './gate-access.ts';
import { describeStatus } from './status-text.ts';

/** Events come in bursts (nine checks at once); a person reads one screen. */
const CALM_MS = 250;
/** Ages on the screen grow old, and a gate that is down sends no events. */
const IDLE_MS = 5_000;

type Now = () => Promise<{ readonly gate: Gate; readonly report: StatusReport }>;

export async function watchStatus(context: Context, now: Now): Promise<number> {
  const screen = new Screen(context);
  while (!context.interrupted.aborted) {
    const { gate, report } = await now();
    screen.show(report);
    await change(gate, context.interrupted);
    await pause(CALM_MS, context.interrupted);
  }
  return 0;
}

/** Resolves with the next event, with the end of the supervisor, or when it is time to look again. */
async function change(gate: Gate, interrupted: AbortSignal): Promise<void> {
  const { SupervisorClient } = await import('../supervisor/client.ts');
  const client = await SupervisorClient.connect(gate.name, gate.layout).catch(() => undefined);
  if (client === undefined) return pause(CALM_MS * 4, interrupted);
  try {
    await new Promise<void>((resolve) => {
      const done = () => resolve();
      const signal = AbortSignal.any([interrupted, AbortSignal.timeout(IDLE_MS)]);
      client.ask({ verb: 'watch' }, { onEvent: done, signal }).then(done, done);
    });
  } finally {
    client.close();
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}

class Screen {
  readonly #context: Context;
  #shown = '';
  #lines = 0;

  constructor(context: Context) {
    this.#context = context;
  }

  /** The same again is not printed again. */
  show(report: StatusReport): void {
    const { out, outside } = this.#context;
    const text = describeStatus(report);
    if (out.json || outside.stdout.isTTY !== true) {
      const { receipt: _, uplink: __, ...lasting } = report;
      const what = JSON.stringify(lasting);
      if (what !== this.#shown) out.result(report, `${text}\n`);
      this.#shown = what;
      return;
    }
    if (text === this.#shown) return;
    const back = this.#lines === 0 ? '' : `\x1b[${this.#lines}A`;
    outside.stdout.write(`${back}${text.replaceAll(/^/gm, '\x1b[K')}\n\x1b[J`);
    this.#shown = text;
    this.#lines = text.split('\n').length;
  }
}
