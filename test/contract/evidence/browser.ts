/**
 * A real Chromium without a window, spoken to over its own pipe (Chrome DevTools Protocol on file descriptors 3 and 4,
 * messages ended by NUL). It opens files of this machine and is told of no network.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';

type Params = Readonly<Record<string, unknown>>;
interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly sessionId?: string;
  readonly params?: Params;
  readonly result?: Params;
  readonly error?: { readonly message: string };
}

const FLAGS = [
  '--headless=new',
  '--remote-debugging-pipe',
  // As root there is no other way; a page under test is our own.
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--disable-background-networking',
  '--no-first-run',
  '--hide-scrollbars',
  '--force-color-profile=srgb',
  // Whatever a page would ask for, nobody answers.
  '--host-resolver-rules=MAP * ~NOTFOUND',
];
const ANSWER_MS = 20_000;

export class Browser {
  readonly #child: ChildProcess;
  readonly #profile: string;
  readonly #waiting = new Map<number, (message: Message) => void>();
  readonly #listeners = new Set<(message: Message) => void>();
  #last = 0;

  private constructor(program: string) {
    this.#profile = mkdtempSync(path.join(tmpdir(), 'vmgate-browser-'));
    this.#child = spawn(program, [...FLAGS, `--user-data-dir=${this.#profile}`, 'about:blank'], {
      env: { HOME: this.#profile, PATH: process.env['PATH'], TZ: 'UTC', LANG: 'C.UTF-8' },
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    });
    const [, , , , from] = this.#child.stdio;
    let unread = Buffer.alloc(0);
    (from as Readable).on('data', (chunk: Buffer) => {
      unread = Buffer.concat([unread, chunk]);
      for (let end = unread.indexOf(0); end >= 0; end = unread.indexOf(0)) {
        this.#hear(JSON.parse(unread.toString('utf8', 0, end)) as Message);
        unread = unread.subarray(end + 1);
      }
    });
  }

  static async start(program: string): Promise<Browser> {
    const browser = new Browser(program);
    await browser.send('Browser.getVersion');
    return browser;
  }

  send(method: string, params: Params = {}, sessionId?: string): Promise<Params> {
    this.#last += 1;
    const id = this.#last;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${method}: no answer`)), ANSWER_MS);
      this.#waiting.set(id, ({ result, error }) => {
        clearTimeout(timer);
        if (error === undefined) resolve(result ?? {});
        else reject(new Error(`${method}: ${error.message}`));
      });
      const [, , , to] = this.#child.stdio;
      (to as Writable).write(
        `${JSON.stringify({ id, method, params, ...(sessionId === undefined ? {} : { sessionId }) })}\0`,
      );
    });
  }

  async open(url: string, looks: Looks): Promise<Page> {
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
    const page = new Page(this, String(sessionId));
    this.#listeners.add((message) => {
      if (message.sessionId === sessionId) page.hear(message.method ?? '', message.params ?? {});
    });
    await page.load(url, looks);
    return page;
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    await this.send('Browser.close').catch(() => this.#child.kill('SIGKILL'));
    await ended;
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }

  #hear(message: Message): void {
    if (message.id === undefined) for (const listener of this.#listeners) listener(message);
    else this.#waiting.get(message.id)?.(message);
  }
}

export interface Looks {
  readonly width: number;
  readonly height?: number;
  readonly dark?: boolean;
  readonly script?: boolean;
}

export class Page {
  /** Addresses the page asked for, its own file apart, and was not kept from by its policy. */
  get asked(): readonly string[] {
    return [...this.#asked.values()];
  }
  readonly #asked = new Map<unknown, string>();
  /** What its policy refused, and what its script threw. */
  readonly complaints: string[] = [];
  readonly #browser: Browser;
  readonly #session: string;
  #url = '';
  #loaded: () => void = () => {};

  constructor(browser: Browser, session: string) {
    this.#browser = browser;
    this.#session = session;
  }

  hear(method: string, params: Params): void {
    if (method === 'Network.requestWillBeSent') {
      const { url } = params['request'] as { url: string };
      if (url !== this.#url) this.#asked.set(params['requestId'], url);
    }
    if (method === 'Network.loadingFailed' && params['blockedReason'] === 'csp')
      this.#asked.delete(params['requestId']);
    if (method === 'Runtime.exceptionThrown') this.complaints.push(JSON.stringify(params['exceptionDetails']));
    if (method === 'Log.entryAdded') this.complaints.push((params['entry'] as { text: string }).text);
    if (method === 'Page.loadEventFired') this.#loaded();
  }

  async load(url: string, { width, height = 900, dark = false, script = true }: Looks): Promise<void> {
    this.#url = url;
    for (const domain of ['Page', 'Network', 'Runtime', 'Log']) await this.#send(`${domain}.enable`);
    await this.#send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false });
    const features = [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }];
    await this.#send('Emulation.setEmulatedMedia', { features });
    await this.#send('Emulation.setScriptExecutionDisabled', { value: !script });
    const loaded = new Promise<void>((resolve) => {
      this.#loaded = resolve;
    });
    await this.#send('Page.navigate', { url });
    await loaded;
  }

  /** The value of an expression; what is no JSON is no value. */
  async evaluate(expression: string): Promise<unknown> {
    const { result, exceptionDetails } = await this.#send('Runtime.evaluate', { expression, returnByValue: true });
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
    return (result as { value?: unknown }).value;
  }

  async hover(x: number, y: number): Promise<void> {
    await this.#send('Input.dispatchMouseEvent', { type: 'mouseMoved', x, y });
  }

  async press(key: string): Promise<void> {
    for (const type of ['keyDown', 'keyUp']) await this.#send('Input.dispatchKeyEvent', { type, key, code: key });
  }

  /** PNG. */
  async picture(of: 'window' | 'page' = 'page'): Promise<Buffer> {
    const captureBeyondViewport = of === 'page';
    const { data } = await this.#send('Page.captureScreenshot', { format: 'png', captureBeyondViewport });
    return Buffer.from(String(data), 'base64');
  }

  async #send(method: string, params: Params = {}): Promise<Params> {
    return this.#browser.send(method, params, this.#session);
  }
}
