/** Hosts that a portal asked for and that are held back, each with a key that lets it through. */
import type { CodedEvent } from '../core/coded.ts';
import { escapeLine } from '../host/index.ts';
import type { Context } from './command.ts';

const KEYS = '123456789abdefghijklmnoprstuvwxyz';
const INTERRUPT = '\u0003';

export class HeldHosts {
  readonly #context: Context;
  readonly #allow: (host: string) => void;
  readonly #hosts = new Map<string, string>();

  /** `allow` is told of each key that was pressed, where there is a keyboard. */
  constructor(context: Context, allow: (host: string) => void) {
    this.#context = context;
    this.#allow = allow;
    if (!context.isInteractive) return;
    const { stdin } = context.outside;
    stdin.setRawMode?.(true);
    stdin.on('data', this.#onKeys);
  }

  onEvent({ code, payload }: CodedEvent): void {
    if (code !== 'PORTAL_HELD') return;
    const host = (payload as { readonly host?: unknown } | null)?.host;
    const key = KEYS[this.#hosts.size];
    if (typeof host !== 'string' || key === undefined || !this.#context.isInteractive) return;
    this.#hosts.set(key, host);
    this.#context.out.progress(`  press ${key} to let the portal lead to ${escapeLine(host)}`);
  }

  close(): void {
    if (!this.#context.isInteractive) return;
    const { stdin } = this.#context.outside;
    stdin.off('data', this.#onKeys);
    stdin.setRawMode?.(false);
    stdin.pause();
  }

  readonly #onKeys = (keys: Buffer | string): void => {
    for (const key of keys.toString()) {
      // A raw terminal makes no signal of it.
      if (key === INTERRUPT) process.kill(process.pid, 'SIGINT');
      const host = this.#hosts.get(key);
      if (host !== undefined) this.#allow(host);
    }
  };
}
