/** What is kept of a gate's life, and who is told of it: journal, samples, desktop. */
import type { CodedEvent } from '../core/coded.ts';
import { type GateLayout, Journal } from '../home/index.ts';
import type { Herald } from './herald.ts';
import type { Meter } from './meter.ts';
import { News } from './news.ts';
import { Samples } from './samples.ts';

export class GateRecord {
  readonly #journal: Journal;
  readonly #samples: Samples;
  readonly #herald: Herald;
  readonly #news = new News();

  constructor(layout: GateLayout, meter: Meter, herald: Herald) {
    this.#journal = new Journal(layout.journal);
    this.#samples = new Samples(layout.samples, meter);
    this.#herald = herald;
  }

  /** Events that the disk did not take. */
  get dropped(): number {
    return this.#journal.dropped;
  }

  /** False where the journal says it already. Never throws. */
  take(event: CodedEvent): boolean {
    const isNews = this.#news.isNews(event);
    if (isNews) this.#journal.append(event);
    this.#samples.observe(event);
    this.#herald.observe(event);
    return isNews;
  }

  /** The supervisor's heartbeat. */
  tick(): void {
    this.#samples.tick();
  }

  close(): void {
    this.#herald.close();
    this.#samples.close();
    this.#journal.close();
  }
}
