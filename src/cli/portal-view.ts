/** What `vmgate portal` shows and opens: the browser on the portal's page, or the address that leads there. */
import { type CodedEvent, VmgateError } from '../core/coded.ts';
import { readPortalUrl } from '../core/portal.ts';
import type { Credential, Listener } from '../proxy/index.ts';
import type { Context } from './command.ts';

export interface PortalWays {
  readonly listener: Listener;
  readonly port: number;
  /** Program; undefined: an address is printed. */
  readonly browser: string | undefined;
  readonly credential: Credential | undefined;
  readonly socks: string;
}

const TOLD = ['GATE_PHASE', 'PORTAL_READY', 'PORTAL_ALLOWED', 'PORTAL_HELD', 'PORTAL_SIGNED_IN'];

export class PortalView {
  /** Aborted when the person closed the browser. */
  readonly closed: AbortSignal;
  readonly #context: Context;
  readonly #ways: PortalWays;
  readonly #closing = new AbortController();
  #failure: VmgateError | undefined;
  #browser: Promise<{ readonly close: () => Promise<void> }> | undefined;

  constructor(context: Context, ways: PortalWays) {
    this.#context = context;
    this.#ways = ways;
    this.closed = this.#closing.signal;
  }

  onEvent(event: CodedEvent): void {
    if (TOLD.includes(event.code)) this.#context.out.event(event);
    const text = (event.payload as { readonly url?: unknown } | null)?.url;
    const url = event.code === 'PORTAL_READY' && typeof text === 'string' ? readPortalUrl(text) : undefined;
    if (url !== undefined) this.#begin(url);
  }

  /** @returns the exit code @throws PORTAL_BROWSER_FAILED */
  end(how: string): number {
    if (this.#context.interrupted.aborted) return 130;
    if (how === 'left' && this.#failure !== undefined) throw this.#failure;
    const said =
      how === 'signed in'
        ? 'signed in: the gate connects by itself, vmgate up waits for it'
        : 'nobody is let through any more; the gate goes on trying by itself';
    this.#context.out.result({ how }, said);
    return 0;
  }

  async close(): Promise<void> {
    await (await this.#browser)?.close();
  }

  #begin(url: URL): void {
    const { out, outside } = this.#context;
    const { browser: program, port, credential, socks } = this.#ways;
    if (program === undefined) {
      const fields = { socks, address: '127.0.0.1', port, credential: credential ?? null, url: url.href };
      out.result(fields, `SOCKS5  ${socks}\nopen    ${url.href}`);
      out.progress('any program of yours that knows SOCKS5 will do, with names looked up by the proxy; Ctrl-C ends it');
      return;
    }
    this.#browser ??= import('../portal/index.ts').then(({ errors, openBrowser }) => {
      const browser = openBrowser({ program, proxyPort: port, url, display: outside.display });
      void browser.ended.then((why) => {
        if (why !== undefined) this.#failure = VmgateError.of(errors.PORTAL_BROWSER_FAILED, { program, why });
        this.#closing.abort();
      });
      return browser;
    });
  }
}
