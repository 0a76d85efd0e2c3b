/** Tells the desktop when the gate opens and when it closes by itself, once each, and not at every attempt. */
import type { CodedEvent } from '../core/coded.ts';
import type { Phase } from '../core/gate/state.ts';
import type { Claim } from '../core/verdict.ts';
import { monotonicMs, type Notification, type Notify } from '../host/index.ts';
import { events } from './codes.ts';

/** A network that comes and goes shows where it ended up, not each turn. */
const CALM_MS = 5_000;

type Told = 'open' | 'closed' | 'violated' | 'portal';

interface Message extends Notification {
  readonly tells: Told;
}

export class Herald {
  readonly #notify: Notify;
  readonly #failed: (why: string) => void;
  /** What the desktop shows, or nothing yet. */
  #told: Told | undefined;
  /** What it would show by now. */
  #standing: Told | undefined;
  #shownMs = Number.NEGATIVE_INFINITY;
  #due: NodeJS.Timeout | undefined;

  /** `failed` hears of the first notification that could not be shown. */
  constructor(notify: Notify, failed: (why: string) => void) {
    this.#notify = notify;
    this.#failed = once(failed);
  }

  observe({ code, payload }: CodedEvent): void {
    if (code !== events.GATE_PHASE.code) return;
    const { gate, phase, why, claim } = payload as { gate: string; phase: Phase; why: string; claim?: Claim };
    if (phase === 'open') this.#tell(opened(gate, claim));
    else if (phase === 'violated') this.#tell(violated(gate, why));
    else if (phase === 'portal') this.#tell(behindPortal(gate, why));
    else if (this.#standing === 'open' && why !== '') this.#tell(closed(gate, why));
    else if (this.#standing === 'open') this.#forget();
  }

  close(): void {
    clearTimeout(this.#due);
  }

  /** Whoever asked for the close knows of it. */
  #forget(): void {
    clearTimeout(this.#due);
    this.#standing = 'closed';
    this.#told = 'closed';
  }

  #tell(message: Message): void {
    this.#standing = message.tells;
    clearTimeout(this.#due);
    const waitMs = message.urgent ? 0 : this.#shownMs + CALM_MS - monotonicMs();
    if (waitMs <= 0) this.#show(message);
    else this.#due = setTimeout(() => this.#show(message), waitMs).unref();
  }

  #show({ tells, ...notification }: Message): void {
    if (tells === this.#told) return;
    this.#told = tells;
    this.#shownMs = monotonicMs();
    void this.#notify(notification).then((why) => {
      if (why !== undefined) this.#failed(why);
    });
  }
}

function opened(gate: string, claim: Claim | undefined): Message {
  const proven = claim?.kind === 'address' ? `exit address ${claim.address}` : 'a round trip through the tunnel';
  return { tells: 'open', title: `vmgate: gate ${gate} is open`, body: `Proven: ${proven}`, urgent: false };
}

function closed(gate: string, why: string): Message {
  return {
    tells: 'closed',
    title: `vmgate: gate ${gate} closed`,
    body: `${why}. It tries again by itself.`,
    urgent: false,
  };
}

function behindPortal(gate: string, why: string): Message {
  const body = `${why}. Sign in, or: vmgate portal`;
  return { tells: 'portal', title: `vmgate: gate ${gate} waits for a sign-in`, body, urgent: false };
}

function violated(gate: string, why: string): Message {
  const body = `${why}. Everything is shut: vmgate evidence`;
  return { tells: 'violated', title: `vmgate: gate ${gate} is VIOLATED`, body, urgent: true };
}

function once(act: (why: string) => void): (why: string) => void {
  let isDone = false;
  return (why) => {
    if (!isDone) act(why);
    isDone = true;
  };
}
