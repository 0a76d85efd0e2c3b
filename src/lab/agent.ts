/**
 * The host's side of provision/lab/rootfs/usr/lib/lab/agent: one request line, one answer line, in turn. An id in both
 * tells a late answer to somebody else from one's own.
 */
import net from 'node:net';
import * as z from 'zod';
import { VmgateError } from '../core/coded.ts';
import { LineSplitter, parseJson } from '../host/index.ts';
import { errors } from './codes.ts';

/** A log's last 256 KiB in base64, and air. */
const MAX_ANSWER = 524_288;
const ANSWER_TIMEOUT_MS = 15_000;

const refusal = z.object({ ok: z.literal(false), detail: z.string().max(1_024) });

interface Waiting {
  readonly id: number;
  readonly settle: (answer: string | Error) => void;
}

export class LabAgent {
  readonly #socket: net.Socket;
  /** Who asks next waits for this. */
  #turn: Promise<unknown> = Promise.resolve();
  #waiting: Waiting | undefined;
  #lastId = 0;
  #lost: string | undefined;

  private constructor(socket: net.Socket) {
    this.#socket = socket;
    const lines = new LineSplitter((line) => this.#receive(line), MAX_ANSWER);
    socket.on('data', (chunk: Buffer) => lines.push(chunk));
    socket.on('error', () => {}); // `close` follows.
    socket.on('close', () => {
      this.#lost = 'its control socket closed';
      this.#waiting?.settle(new Error(this.#lost));
    });
  }

  /** QEMU listens before the guest runs; what is written now is read when the agent is there. */
  static connect(socketPath: string): Promise<LabAgent> {
    return new Promise((resolve, reject) => {
      const socket = net.connect(socketPath);
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new LabAgent(socket));
      });
    });
  }

  /**
   * Asks `verb`; `payload` follows the line as raw bytes (the verb's words must say how many).
   *
   * @throws LAB_REFUSED, LAB_GONE, LAB_SILENT
   */
  ask<T>(
    schema: z.ZodType<T>,
    verb: string,
    words: readonly (string | number)[] = [],
    more: { readonly payload?: Buffer; readonly timeoutMs?: number } = {},
  ): Promise<T> {
    const doing = [verb, ...words].join(' ');
    const answer = this.#turn.then(() => this.#exchange(doing, more.payload, more.timeoutMs ?? ANSWER_TIMEOUT_MS));
    this.#turn = answer.catch(() => {});
    return answer.then((text) => read(schema, doing, text));
  }

  close(): void {
    this.#socket.destroy();
  }

  async #exchange(doing: string, payload: Buffer | undefined, timeoutMs: number): Promise<string> {
    this.#lastId += 1;
    const id = this.#lastId;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<string>((resolve, reject) => {
        const gone = (detail: string) => reject(VmgateError.of(errors.LAB_GONE, { doing, detail }));
        if (this.#lost !== undefined) return gone(this.#lost);
        timer = setTimeout(() => reject(VmgateError.of(errors.LAB_SILENT, { doing, ms: timeoutMs })), timeoutMs);
        const settle = (text: string | Error) => (typeof text === 'string' ? resolve(text) : gone(text.message));
        this.#waiting = { id, settle };
        this.#socket.write(`${id} ${doing}\n`);
        if (payload !== undefined) this.#socket.write(payload);
      });
    } finally {
      clearTimeout(timer);
      this.#waiting = undefined;
    }
  }

  #receive(line: string): void {
    const space = line.indexOf(' ');
    if (this.#waiting === undefined || line.slice(0, space) !== String(this.#waiting.id)) return;
    this.#waiting.settle(line.slice(space + 1));
  }
}

function read<T>(schema: z.ZodType<T>, doing: string, text: string): T {
  const parsed = parseJson(text);
  const refused = refusal.safeParse(parsed);
  if (refused.success) throw VmgateError.of(errors.LAB_REFUSED, { doing, detail: refused.data.detail });
  const answer = schema.safeParse(parsed);
  if (answer.success) return answer.data;
  throw VmgateError.of(errors.LAB_REFUSED, { doing, detail: `an answer of another shape: ${text.slice(0, 120)}` });
}
