/** What `up` goes through, as told by the supervisor's events: gateway, VPN, and each check, done or failed once. */
import * as z from 'zod';
import type { CodedEvent } from '../core/coded.ts';
import { GATE_CHECKS } from '../core/verdict.ts';
import { escapeLine } from '../host/index.ts';

export type StageName = 'gateway' | 'vpn' | (typeof GATE_CHECKS)[number];

export interface Stage {
  /** Resolves with what to say about it, rejects with what was wrong. */
  readonly done: Promise<string>;
}

interface OpenStage extends Stage {
  readonly pass: (say: string) => void;
  readonly fail: (say: string) => void;
}

const phase = z.object({ phase: z.string() });
const check = z.object({ check: z.enum(GATE_CHECKS), outcome: z.string(), summary: z.string() });
const pinned = z.object({ address: z.string(), port: z.number() });

const WITH_GATEWAY: readonly string[] = ['addressing', 'connecting', 'verifying', 'open'];

export class UpStages {
  readonly #stages = new Map<StageName, OpenStage>();
  #endpoint = '';

  constructor() {
    for (const name of ['gateway', 'vpn', ...GATE_CHECKS] as const) this.#stages.set(name, openStage());
  }

  of(name: StageName): Stage {
    return this.#stage(name);
  }

  observe({ code, payload }: CodedEvent): void {
    if (code === 'GATE_STEP') this.#stage('gateway').pass('');
    if (code === 'GATE_PINNED') this.#pinned(payload);
    if (code === 'GATE_PHASE') this.#phase(payload);
    if (code === 'GATE_CHECK') this.#check(payload);
  }

  /** Whatever has not said anything by now will not. */
  end(cause: string | undefined): void {
    for (const stage of this.#stages.values()) {
      if (cause === undefined) stage.pass('');
      else stage.fail(cause);
    }
  }

  #stage(name: StageName): OpenStage {
    const stage = this.#stages.get(name);
    if (stage === undefined) throw new Error(`no stage ${name}`);
    return stage;
  }

  #pinned(payload: unknown): void {
    const { data } = pinned.safeParse(payload);
    if (data !== undefined) this.#endpoint = escapeLine(`${data.address}:${data.port}`);
  }

  #phase(payload: unknown): void {
    const reached = phase.safeParse(payload).data?.phase;
    if (WITH_GATEWAY.includes(reached ?? '')) this.#stage('gateway').pass('');
    if (reached === 'verifying' || reached === 'open') this.#stage('vpn').pass(this.#endpoint);
  }

  #check(payload: unknown): void {
    const { data } = check.safeParse(payload);
    if (data === undefined) return;
    const stage = this.#stage(data.check);
    const summary = escapeLine(data.summary);
    if (data.outcome === 'verified' || data.outcome === 'not asked') stage.pass(summary);
    else stage.fail(`${escapeLine(data.outcome)}: ${summary}`);
  }
}

function openStage(): OpenStage {
  let pass: OpenStage['pass'] = () => {};
  let fail: OpenStage['fail'] = () => {};
  const done = new Promise<string>((resolve, reject) => {
    pass = resolve;
    fail = (say) => reject(new Error(say));
  });
  // Nobody may be listening yet, and nobody may ever be.
  done.catch(() => {});
  return { done, pass, fail };
}
