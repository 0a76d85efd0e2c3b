/**
 * Keeps a tool running that speaks up when something changes. What it says is never believed, only taken as a reason to
 * look. One that ends, floods or speaks what it should not is told of, and started again; nothing waits for it.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { findTool, LineSplitter, messageOf, monotonicMs, type Run, type RunRequest } from '../host/index.ts';

export interface WatchedTool {
  /** For people. */
  readonly name: string;
  readonly tool: string;
  readonly argv: readonly string[];
  /** Whether the tool writes such lines. */
  readonly isLine: (line: string) => boolean;
}

export interface WatcherEvents {
  /** It said something; or it was not there to say it. */
  readonly changed: () => void;
  /** Once for each time that it does not work, whatever the number of attempts. */
  readonly lost: (why: string) => void;
  readonly back: () => void;
}

/** Of what it says in its life: a flood is no news. It is started anew each hour, silently, for a clean slate. */
const MOST_BYTES = 8 * 1_048_576;
const LIFE_MS = 3_600_000;
const MAX_LINE = 1_024;
/** In a row. */
const MOST_STRANGE = 8;

export interface Rhythm {
  /** Before it is started again; doubled each time, up to the longest. */
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
  /** One that lives for so long works. */
  readonly worksMs: number;
}
const RHYTHM: Rhythm = { firstPauseMs: 1_000, longestPauseMs: 60_000, worksMs: 5_000 };

export class ToolWatcher {
  readonly #tool: WatchedTool;
  readonly #run: Run;
  readonly #events: WatcherEvents;
  readonly #rhythm: Rhythm;
  readonly #closing = new AbortController();
  #isLost = false;

  constructor(tool: WatchedTool, run: Run, events: WatcherEvents, rhythm: Rhythm = RHYTHM) {
    this.#tool = tool;
    this.#run = run;
    this.#events = events;
    this.#rhythm = rhythm;
    void this.#keepRunning();
  }

  close(): void {
    this.#closing.abort();
  }

  get #isOver(): boolean {
    return this.#closing.signal.aborted;
  }

  /** Never rejects. */
  async #keepRunning(): Promise<void> {
    const { firstPauseMs, longestPauseMs, worksMs } = this.#rhythm;
    let pauseMs = firstPauseMs;
    while (!this.#isOver) {
      const began = monotonicMs();
      const why = await this.#once();
      if (this.#isOver) return;
      // What happened in between was told to nobody.
      this.#events.changed();
      if (why === undefined) continue;
      if (monotonicMs() - began > worksMs) pauseMs = firstPauseMs;
      if (!this.#isLost) this.#events.lost(why);
      this.#isLost = true;
      await delay(pauseMs, undefined, { ref: false, signal: this.#closing.signal }).catch(() => undefined);
      pauseMs = Math.min(2 * pauseMs, longestPauseMs);
    }
  }

  /** One life of the tool. Why it ended; undefined when that was its time. */
  async #once(): Promise<string | undefined> {
    const { tool, argv } = this.#tool;
    const program = findTool(tool);
    if (program === undefined) return `is not there: ${tool} is not installed`;
    const garbage = new AbortController();
    const works = setTimeout(() => this.#works(), this.#rhythm.worksMs).unref();
    let strange = 0;
    const lines = new LineSplitter((line) => {
      this.#events.changed();
      strange = this.#tool.isLine(line) ? 0 : strange + 1;
      if (strange >= MOST_STRANGE) garbage.abort();
    }, MAX_LINE);
    try {
      const { code, signal, stderr, timedOut, overflowed } = await this.#run({
        ...boundToThisProcess(program, argv),
        timeoutMs: LIFE_MS,
        maxBytes: MOST_BYTES,
        onStdout: (chunk) => lines.push(chunk),
        signal: AbortSignal.any([garbage.signal, this.#closing.signal]),
      });
      if (garbage.signal.aborted) return 'says what nobody can read';
      if (timedOut) return undefined;
      if (overflowed) return 'says more than anybody could read';
      const last = stderr.trim().split('\n').at(-1)?.slice(0, 200) ?? '';
      const how = signal === undefined ? `ended with status ${code ?? '?'}` : `was ended by ${signal}`;
      return last === '' ? how : `${how}: ${last}`;
    } catch (cause) {
      return `could not be started: ${messageOf(cause)}`;
    } finally {
      clearTimeout(works);
    }
  }

  #works(): void {
    if (this.#isLost) this.#events.back();
    this.#isLost = false;
  }
}

/** A supervisor that is killed leaves no tool behind: setpriv(1), prctl(2). Elsewhere the next change ends it (SIGPIPE). */
function boundToThisProcess(program: string, argv: readonly string[]): Pick<RunRequest, 'tool' | 'argv'> {
  if (findTool('setpriv') === undefined) return { tool: program, argv };
  return { tool: 'setpriv', argv: ['--pdeathsig', 'KILL', program, ...argv] };
}
