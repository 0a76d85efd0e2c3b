/**
 * QMP client: newline-delimited JSON on a unix socket, one client at a time. What QEMU says is bounded and parsed; the
 * guest decides part of it (names, reset reasons).
 *
 * A second client's connect() succeeds but gets no greeting until the first leaves: hence the greeting's own timeout
 * and its own error.
 */
import net from 'node:net';
import * as z from 'zod';
import { VmgateError } from '../../core/coded.ts';
import { errnoOf, LineSplitter, parseJson } from '../../host/index.ts';
import { errors } from '../codes.ts';

const MAX_LINE_BYTES = 1_048_576;
const GREETING_TIMEOUT_MS = 2_000;
const COMMAND_TIMEOUT_MS = 5_000;

const version = z.looseObject({ major: z.int(), minor: z.int(), micro: z.int() });
const greeting = z.looseObject({ QMP: z.looseObject({ version: z.looseObject({ qemu: version }) }) });
const event = z.looseObject({ event: z.string().max(256), data: z.record(z.string(), z.unknown()).optional() });
const answer = z.looseObject({
  id: z.int().optional(),
  return: z.unknown().optional(),
  error: z.looseObject({ class: z.string().max(256), desc: z.string().max(65_536) }).optional(),
});
/** A message with an `event` is one or garbled: as an answer it would reach the listeners unchecked. */
const isAnswer = (message: object) => !('event' in message) && ('return' in message || 'error' in message);
const incoming = z.union([event, answer.refine(isAnswer)]);
type Answer = z.infer<typeof answer>;

export interface QmpEvent {
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
}

interface Pending {
  readonly command: string;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: VmgateError) => void;
  readonly deadline: NodeJS.Timeout;
}

export class QmpClient {
  /** QEMU's own version, `7.2.22`. */
  readonly version: string;
  /** Resolves when the connection ended, with the reason. Never rejects. */
  readonly closed: Promise<string>;
  readonly #machine: string;
  readonly #socket: net.Socket;
  readonly #pending = new Map<number, Pending>();
  readonly #listeners = new Set<(event: QmpEvent) => void>();
  #lastId = 0;
  #gone: VmgateError | undefined;

  private constructor(machine: string, socket: net.Socket, hello: z.infer<typeof greeting>) {
    const { major, minor, micro } = hello.QMP.version.qemu;
    this.version = `${major}.${minor}.${micro}`;
    this.#machine = machine;
    this.#socket = socket;
    const lines = new LineSplitter((line) => this.#receive(line), MAX_LINE_BYTES);
    socket.on('data', (chunk: Buffer) => lines.push(chunk));
    this.closed = new Promise((resolve) => {
      const end = (why: string) => {
        this.#end(this.#lost(why));
        resolve(this.#gone?.what ?? why);
      };
      socket.on('error', (cause) => end(cause.message));
      socket.on('close', () => end('the connection ended'));
    });
  }

  /**
   * Connects and negotiates. `machine` is for error texts.
   *
   * @throws DRIVER_QMP_UNREACHABLE nobody listens; the cause carries the errno
   * @throws DRIVER_QMP_BUSY connected, but no greeting: another client is served
   */
  static async connect(machine: string, socketPath: string, timeoutMs = GREETING_TIMEOUT_MS): Promise<QmpClient> {
    const socket = net.connect(socketPath);
    try {
      const hello = await firstLine(machine, socket, socketPath, timeoutMs);
      const client = new QmpClient(machine, socket, hello);
      await client.execute('qmp_capabilities');
      return client;
    } catch (cause) {
      socket.destroy();
      throw cause;
    }
  }

  /**
   * @throws DRIVER_QMP_REFUSED QEMU says no
   * @throws DRIVER_QMP_SILENT no answer in `timeoutMs`; the connection stays (QEMU may be busy)
   * @throws DRIVER_GONE, DRIVER_QMP_GARBLED the connection is closed, or closes before the answer
   */
  execute(command: string, args?: object, timeoutMs = COMMAND_TIMEOUT_MS): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#gone !== undefined) return reject(this.#gone);
      this.#lastId += 1;
      const id = this.#lastId;
      const deadline = setTimeout(() => {
        this.#pending.delete(id);
        reject(VmgateError.of(errors.DRIVER_QMP_SILENT, { machine: this.#machine, command, ms: timeoutMs }));
      }, timeoutMs);
      this.#pending.set(id, { command, resolve, reject, deadline });
      const request = { execute: command, ...(args === undefined ? {} : { arguments: args }), id };
      this.#socket.write(`${JSON.stringify(request)}\n`);
    });
  }

  onEvent(listener: (event: QmpEvent) => void): void {
    this.#listeners.add(listener);
  }

  close(): void {
    this.#end(this.#lost('vmgate closed the connection'));
    this.#socket.destroy();
  }

  /** Lets the process exit while this connection is open. */
  unref(): void {
    this.#socket.unref();
  }

  #receive(line: string): void {
    if (this.#gone !== undefined || line === '') return;
    const message = incoming.safeParse(parseJson(line));
    if (!message.success) {
      this.#garbled(`not a QMP message: ${line.slice(0, 120)}`);
    } else if (isEvent(message.data)) {
      const { event: name, data = {} } = message.data;
      for (const listener of this.#listeners) listener({ name, data });
    } else if (message.data.id === undefined) {
      this.#garbled('an error that answers no command');
    } else {
      this.#settle(message.data.id, message.data);
    }
  }

  #settle(id: number, answer: Answer): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return; // The late answer to a command whose deadline passed.
    this.#pending.delete(id);
    clearTimeout(pending.deadline);
    if (answer.error === undefined) {
      pending.resolve(answer.return);
    } else {
      const { class: kind, desc } = answer.error;
      const payload = { machine: this.#machine, command: pending.command, class: kind, reason: desc };
      pending.reject(VmgateError.of(errors.DRIVER_QMP_REFUSED, payload));
    }
  }

  #garbled(why: string): void {
    this.#end(VmgateError.of(errors.DRIVER_QMP_GARBLED, { machine: this.#machine, why }));
    this.#socket.destroy();
  }

  #end(why: VmgateError): void {
    this.#gone ??= why;
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { deadline, reject } of pending) {
      clearTimeout(deadline);
      reject(this.#gone);
    }
  }

  #lost(detail: string): VmgateError {
    return VmgateError.of(errors.DRIVER_GONE, { machine: this.#machine, detail });
  }
}

function isEvent(message: z.infer<typeof incoming>): message is z.infer<typeof event> {
  return typeof message['event'] === 'string';
}

function firstLine(
  machine: string,
  socket: net.Socket,
  socketPath: string,
  timeoutMs: number,
): Promise<z.infer<typeof greeting>> {
  return new Promise((resolve, reject) => {
    const unreachable = (why: string, cause?: Error) =>
      reject(VmgateError.of(errors.DRIVER_QMP_UNREACHABLE, { machine, socket: socketPath, why }, { cause }));
    const deadline = setTimeout(
      () => reject(VmgateError.of(errors.DRIVER_QMP_BUSY, { machine, socket: socketPath })),
      timeoutMs,
    );
    const lines = new LineSplitter((line) => {
      clearTimeout(deadline);
      socket.removeAllListeners();
      socket.on('error', () => {}); // Until the client's own listener is there.
      const hello = greeting.safeParse(parseJson(line));
      if (hello.success) resolve(hello.data);
      else reject(VmgateError.of(errors.DRIVER_QMP_GARBLED, { machine, why: `no greeting: ${line.slice(0, 120)}` }));
    }, MAX_LINE_BYTES);
    socket.on('data', (chunk: Buffer) => lines.push(chunk));
    socket.on('error', (cause) => {
      clearTimeout(deadline);
      unreachable(errnoOf(cause) ?? cause.message, cause);
    });
    socket.on('close', () => {
      clearTimeout(deadline);
      unreachable('it closed the connection without a word');
    });
  });
}
