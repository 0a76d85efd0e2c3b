/** The CLI's side of a supervisor's socket. */
import net from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { type CodedEvent, type SerializedFault, VmgateError } from '../core/coded.ts';
import type { GateLayout } from '../home/index.ts';
import { readLock } from '../home/index.ts';
import { errors } from './codes.ts';
import type { Answer, Ask, StatusReport } from './protocol.ts';

/** Longest line accepted from a supervisor, bytes. */
const MAX_LINE = 4_194_304;
const GREETING_MS = 3_000;
const LOOK_AGAIN_MS = 20;
/** A name and three addresses, each with the seconds that the gateway gives it. */
const STREAM_MS = 60_000;

export interface AskOptions {
  readonly onEvent?: (event: CodedEvent) => void;
  readonly signal?: AbortSignal;
}

export class SupervisorClient {
  readonly #socket: net.Socket;
  readonly #gate: string;
  readonly #log: string;
  #greeting: StatusReport | undefined;

  private constructor(socket: net.Socket, gate: string, log: string) {
    this.#socket = socket;
    this.#gate = gate;
    this.#log = log;
  }

  /**
   * Connects to the gate's supervisor; undefined when none runs.
   *
   * @throws GATE_SUPERVISOR_SILENT one runs (it holds the lock) but does not accept or answer: stopped, or stuck.
   */
  static async connect(gate: string, layout: GateLayout): Promise<SupervisorClient | undefined> {
    const deadline = performance.now() + GREETING_MS;
    for (;;) {
      const socket = await dial(layout.socket);
      if (socket !== undefined) {
        const client = new SupervisorClient(socket, gate, layout.supervisorLog);
        client.#greeting = await client.#greeted();
        if (client.#greeting !== undefined) return client;
        client.close();
      }
      const holder = await readLock(layout.lock);
      if (holder === undefined) return undefined;
      // One that has taken the lock and looks after an earlier one's leftovers does not listen yet.
      if (socket !== undefined || performance.now() > deadline) {
        throw VmgateError.of(errors.GATE_SUPERVISOR_SILENT, { gate, pid: holder.pid });
      }
      await delay(LOOK_AGAIN_MS);
    }
  }

  /** One request at a time. Resolves with the result, rejects with the supervisor's error. */
  async ask(ask: Ask, { onEvent, signal }: AskOptions = {}): Promise<unknown> {
    const { result } = await this.#exchange(ask, onEvent, signal);
    return result;
  }

  /** The gate as it was when the connection was made: who only wants to know that asks no second time. */
  get greeting(): StatusReport {
    if (this.#greeting === undefined) throw new Error('not connected');
    return this.#greeting;
  }

  async status(): Promise<StatusReport> {
    return (await this.ask({ verb: 'status' })) as StatusReport;
  }

  /** A byte stream to `port` of a work VM. */
  dial(name: string, port: number): Promise<Duplex> {
    return this.#stream({ verb: 'dial', name, port });
  }

  /** The PNG of what a work VM's screen shows; undefined where the connection ended before it was whole. */
  async screenshot(name: string): Promise<Buffer | undefined> {
    const { result, rest } = await this.#exchange({ verb: 'screenshot', name });
    const { bytes } = result as { readonly bytes: number };
    if (rest.length > 0) this.#socket.unshift(rest);
    const parts: Buffer[] = [];
    for await (const part of this.#socket) parts.push(part as Buffer);
    const picture = Buffer.concat(parts);
    return picture.length === bytes ? picture : undefined;
  }

  /**
   * One byte stream on a connection of its own, without the greeting: a browser opens dozens in a second.
   *
   * @returns undefined when no supervisor runs
   */
  static async stream(
    gate: string,
    layout: GateLayout,
    ask: Extract<Ask, { verb: 'connect' | 'reach' | 'portal-connect' }>,
  ): Promise<Duplex | undefined> {
    const socket = await dial(layout.socket);
    if (socket === undefined) return undefined;
    const client = new SupervisorClient(socket, gate, layout.supervisorLog);
    try {
      return await client.#stream(ask, AbortSignal.timeout(STREAM_MS));
    } catch (cause) {
      client.close();
      throw cause;
    }
  }

  async #stream(ask: Ask, signal?: AbortSignal): Promise<Duplex> {
    const { rest } = await this.#exchange(ask, undefined, signal);
    if (rest.length > 0) this.#socket.unshift(rest);
    return this.#socket;
  }

  close(): void {
    this.#socket.destroy();
  }

  async #greeted(): Promise<StatusReport | undefined> {
    const patience = new AbortController();
    // This process may have been what stood still (a busy machine, Ctrl-Z): node runs timers that are due before it reads
    // what has come meanwhile, and who is called silent here is killed.
    const timer = setTimeout(() => setImmediate(() => patience.abort()), GREETING_MS);
    return this.ask({ verb: 'status' }, { signal: patience.signal })
      .then(
        (report) => report as StatusReport,
        () => undefined,
      )
      .finally(() => clearTimeout(timer));
  }

  #exchange(
    ask: Ask,
    onEvent?: (event: CodedEvent) => void,
    signal?: AbortSignal,
  ): Promise<{ result: unknown; rest: Buffer }> {
    const socket = this.#socket;
    return new Promise((resolve, reject) => {
      let buffered = Buffer.alloc(0);
      const settle = (finish: () => void) => {
        socket.off('data', onData).off('close', onClose).off('error', onClose);
        signal?.removeEventListener('abort', onAbort);
        socket.pause();
        finish();
      };
      const onClose = () =>
        settle(() => reject(VmgateError.of(errors.GATE_SUPERVISOR_DIED, { gate: this.#gate, log: this.#log })));
      const onAbort = () => settle(() => reject(VmgateError.of(errors.GATE_CANCELLED, { what: ask.verb })));
      const onData = (chunk: Buffer) => {
        buffered = Buffer.concat([buffered, chunk]);
        if (buffered.length > MAX_LINE) return onClose();
        for (let end = buffered.indexOf(10); end >= 0; end = buffered.indexOf(10)) {
          const message = parse(buffered.subarray(0, end).toString('utf8'));
          buffered = buffered.subarray(end + 1);
          if (message === undefined) return onClose();
          if ('event' in message) onEvent?.(message.event);
          else if ('error' in message) return settle(() => reject(VmgateError.revive(message.error)));
          else return settle(() => resolve({ result: message.result, rest: buffered }));
        }
        return undefined;
      };
      if (signal?.aborted === true) return onAbort();
      // Closed between two requests: it says so to nobody any more.
      if (socket.destroyed) return onClose();
      signal?.addEventListener('abort', onAbort);
      // Paused by the exchange before this one; a listener alone does not resume it.
      socket.on('data', onData).on('close', onClose).on('error', onClose).resume();
      socket.write(`${JSON.stringify({ id: 1, ...ask })}\n`);
      return undefined;
    });
  }
}

/** By hand: `status` must not load the schema library, and only this user's own supervisor can be on that socket. */
function parse(line: string): Answer | undefined {
  try {
    const message: unknown = JSON.parse(line);
    if (typeof message !== 'object' || message === null || !('id' in message)) return undefined;
    // In the order in which they are looked for: what is taken for an event must be a whole one.
    const isAnswer =
      'event' in message
        ? hasTexts(message.event, ['code', 'at', 'level', 'text'])
        : 'error' in message
          ? isFault(message.error)
          : 'result' in message;
    return isAnswer ? (message as Answer) : undefined;
  } catch {
    return undefined;
  }
}

const EXITS: readonly unknown[] = [0, 1, 2, 3, 4, 5, 6, 7, 130];

function isFault(value: unknown): value is SerializedFault {
  return (
    hasTexts(value, ['code', 'what', 'remedy']) &&
    EXITS.includes(value['exit']) &&
    Array.isArray(value['evidence']) &&
    value['evidence'].every((line) => typeof line === 'string')
  );
}

function hasTexts(value: unknown, fields: readonly string[]): value is Readonly<Record<string, unknown>> {
  const record = value as Readonly<Record<string, unknown>> | null;
  return typeof record === 'object' && record !== null && fields.every((field) => typeof record[field] === 'string');
}

function dial(path: string): Promise<net.Socket | undefined> {
  return new Promise((resolve) => {
    const socket = net.connect(path);
    socket.once('connect', () => resolve(socket));
    socket.once('error', () => resolve(undefined));
  });
}
