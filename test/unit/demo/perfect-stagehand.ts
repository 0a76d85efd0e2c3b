/** A stage on which the whole story goes well, in memory; a test breaks one observation of it at a time. */
import type { FrameTally, Stagehand } from '../../../src/demo/stagehand.ts';
import { type Nonces, NotObserved } from '../../../src/demo/story.ts';
import { LAB } from '../../../src/lab/index.ts';

export const NONCES: Nonces = { open: 'open-1', dead: 'dead-1', again: 'again-1' };

export class PerfectStagehand implements Stagehand {
  readonly workVm = 'workvm';
  readonly #logged = new Set<string>();
  #isUp = false;
  #isServerUp = true;
  #runs = false;
  #tries = 0;

  async vmgate(verb = ''): Promise<{ code: number | undefined; fault: string }> {
    if (verb === 'up') this.#isUp = true;
    if (verb === 'down') this.#runs = false;
    const refused = verb === 'start' && !this.#isOpen;
    if (verb === 'start' && !refused) this.#runs = true;
    return refused ? { code: 4, fault: 'GATE_NOT_VERIFIED' } : { code: 0, fault: '' };
  }

  async status(): Promise<{ phase: string; claim: string | undefined }> {
    return { phase: this.#isOpen ? 'open' : 'closed', claim: this.#isOpen ? LAB.exit : undefined };
  }

  async inside(line: string): Promise<string> {
    const [, nonce] = /\/((?:open|dead)-1)/.exec(line) ?? [];
    if (nonce !== undefined) this.#logged.add(nonce);
    return line.startsWith('cat ') ? `${this.#tries}\n` : '';
  }

  async workRuns(): Promise<boolean> {
    return this.#runs;
  }

  async workPid(): Promise<number | undefined> {
    return this.#runs ? 4711 : undefined;
  }

  async requestFrom(nonce: string): Promise<string | undefined> {
    return this.#logged.has(nonce) ? LAB.exit : undefined;
  }

  async forget(nonce: string): Promise<void> {
    this.#logged.delete(nonce);
  }

  async server(state: 'up' | 'down'): Promise<void> {
    this.#isServerUp = state === 'up';
    if (state === 'down') this.#tries += 3;
    else this.#logged.add(NONCES.dead);
  }

  async leaks(): Promise<number> {
    return 0;
  }

  async counts(): Promise<readonly [FrameTally, FrameTally]> {
    const tally = { arp: 2, dhcp: 0, tunnel: 120, foreign: 0 };
    return [tally, { ...tally }];
  }

  async endLab(): Promise<void> {}

  async leftovers(): Promise<readonly string[]> {
    return [];
  }

  async until(what: string, condition: () => Promise<boolean>): Promise<void> {
    if (!(await condition())) throw new NotObserved(`not within a minute: ${what}`);
  }

  async wait(): Promise<void> {}

  get #isOpen(): boolean {
    return this.#isUp && this.#isServerUp;
  }
}
