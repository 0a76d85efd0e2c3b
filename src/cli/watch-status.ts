/** `status --watch`: one screenful, redrawn in place when something changed; off a terminal a new report each time. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { StatusReport } from '../supervisor/protocol.ts';
import type { Context } from './command.ts';
import type { Gate } from './gate-access.ts';

/** Events come in bursts (nine checks at once); a person reads one screen. */
const CALM_MS = 250;
/** Ages on the screen grow old, and a gate that is down sends no events. */
const IDLE_MS = 5_000;

type Now = () => Promise<{ readonly gate: Gate; readonly report: StatusReport }>;

type Describe = (report: StatusReport) => string;

export async function watchStatus(context: Context, now: Now, describe: Describe): Promise<number> {
  const screen = new Screen(context, describe);
  while (!context.interrupted.aborted) {
    const { gate, report } = await now();
    screen.show(report);
    await change(gate, report.phase, context.interrupted);
    await pause(CALM_MS, context.interrupted);
  }
  return 0;
}

/** Resolves with the next event, with the end of the supervisor, or when it is time to look again. */
async function change(gate: Gate, shown: string, interrupted: AbortSignal): Promise<void> {
  const { SupervisorClient } = await import('../supervisor/client.ts');
  const client = await SupervisorClient.connect(gate.name, gate.layout).catch(() => undefined);
  if (client === undefined) return pause(CALM_MS * 4, interrupted);
  try {
    // What happened between the last look and this one sends no event any more.
    if (client.greeting.phase !== shown) return;
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
  readonly #describe: Describe;
  #news = '';
  #text = '';
  /** What stands on the terminal, by line. */
  #lines: readonly string[] = [];

  constructor(context: Context, describe: Describe) {
    this.#context = context;
    this.#describe = describe;
  }

  /** The same again is not printed again. */
  show(report: StatusReport): void {
    const { out, outside } = this.#context;
    const text = this.#describe(report);
    const isDrawn = !out.json && outside.stdout.isTTY === true;
    const news = isDrawn ? text : JSON.stringify(lastingPart(report));
    if (news === this.#news || (!out.json && text === this.#text)) return;
    this.#news = news;
    this.#text = text;
    if (isDrawn) this.#draw(text);
    else out.result(report, text);
  }

  /** Over what stood there, which wraps where the window has become narrower since. Longer lines are cut, not wrapped. */
  #draw(text: string): void {
    const { stdout } = this.#context.outside;
    const { columns = 80, rows = 24 } = stdout;
    const width = Math.max(20, columns);
    const above = this.#lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / width)), 0);
    this.#lines = text
      .split('\n')
      .slice(0, Math.max(1, rows - 1))
      .map((line) => (line.length < width ? line : `${line.slice(0, width - 4)}...`));
    const back = above === 0 ? '' : `\x1b[${above}A`;
    stdout.write(`${back}${this.#lines.map((line) => `\x1b[K${line}\n`).join('')}\x1b[J`);
  }
}

/** Counts and the time left are no news. */
function lastingPart({ receipt: _, uplink: __, traffic: ___, ...lasting }: StatusReport): object {
  return lasting;
}
