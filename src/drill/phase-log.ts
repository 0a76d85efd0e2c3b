/** The gate's phases as its journal has them: it misses none, however short, and outlives its supervisor. */
import { parseJson } from '../host/index.ts';
import { FileFollower } from './file-follower.ts';

export interface PhaseSeen {
  readonly phase: string;
  readonly why: string;
  /** When it was read. */
  readonly at: number;
}

export class PhaseLog {
  readonly #follower: FileFollower;
  readonly #clock: () => number;
  #rest = '';
  #seen: PhaseSeen[] = [];
  #last = '';

  constructor(journal: string, clock: () => number) {
    this.#follower = new FileFollower(journal);
    this.#clock = clock;
  }

  /** The newest phase. */
  get now(): string {
    return this.#last;
  }

  /** Since {@link forget}. */
  get seen(): readonly PhaseSeen[] {
    return this.#seen;
  }

  forget(): void {
    this.#seen = [];
  }

  read(): void {
    const { data } = this.#follower.read();
    if (data.length === 0) return;
    const lines = `${this.#rest}${data.toString('utf8')}`.split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#take(line);
  }

  #take(line: string): void {
    // Our own supervisor's lines, one of them perhaps cut short by its end.
    const event = parseJson(line) as PhaseEvent | undefined;
    if (event?.code !== 'GATE_PHASE') return;
    const { phase = '', why = '' } = event.payload ?? {};
    this.#last = phase;
    this.#seen.push({ phase, why, at: this.#clock() });
  }
}

interface PhaseEvent {
  readonly code?: string;
  readonly payload?: { readonly phase?: string; readonly why?: string };
}
