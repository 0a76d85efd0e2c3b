/**
 * A shell in the gateway that stays and runs verb after verb. A verb of its own session costs a fork of the SSH server,
 * three process starts and a script to parse before it does anything: under emulation 0.2 s, more than most verbs take.
 *
 * Request: `VERB LENGTH\n`, then LENGTH bytes of settings. Answer: one line. Nothing is sent before the last answer is
 * there, and nothing is expected that was not asked for.
 */
import type { Client, ClientChannel } from 'ssh2';
import { VmgateError } from '../core/coded.ts';
import type { VerbOutput } from './answer.ts';
import { errors } from './codes.ts';
import { MAX_STDERR } from './exec.ts';
import { MAX_ANSWER, type Verb } from './protocol.ts';

const NEWLINE = 10;

interface Pending {
  readonly verb: Verb;
  readonly chunks: Buffer[];
  size: number;
  readonly resolve: (output: VerbOutput) => void;
  readonly reject: (cause: VmgateError) => void;
}

export class ResidentShell {
  readonly #opened: Promise<ClientChannel>;
  /** Hears why this shell cannot be used any more; the gateway that did it is not to be trusted with another. */
  readonly #onBroken: (why: string) => void;
  #pending: Pending | undefined;
  #stderr = '';

  constructor(client: Client, onBroken: (why: string) => void) {
    this.#onBroken = onBroken;
    this.#opened = new Promise((resolve, reject) => {
      client.exec('vmgate-gw serve', (cause, channel) => {
        if (cause !== undefined) return reject(lost(cause.message));
        this.#listen(channel);
        resolve(channel);
      });
    });
    // Whoever asks hears of it.
    this.#opened.catch(() => undefined);
  }

  /** Whether a verb asked now would be run at once. */
  get idle(): boolean {
    return this.#pending === undefined;
  }

  /** Only while {@link idle}. @throws GATEWAY_GARBLED for an answer without end, GATEWAY_LOST */
  ask(verb: Verb, stdin: string): Promise<VerbOutput> {
    return new Promise((resolve, reject) => {
      this.#pending = { verb, chunks: [], size: 0, resolve, reject };
      this.#opened.then((channel) => {
        channel.write(`${verb} ${Buffer.byteLength(stdin)}\n${stdin}`);
      }, reject);
    });
  }

  #listen(channel: ClientChannel): void {
    channel.on('data', (chunk: Buffer) => this.#receive(chunk));
    channel.stderr.on('data', (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString('utf8')).slice(-MAX_STDERR);
    });
    channel.on('error', (cause: Error) => this.#break(cause.message));
    channel.on('close', () => this.#break('its shell ended'));
  }

  #receive(chunk: Buffer): void {
    const pending = this.#pending;
    const end = chunk.indexOf(NEWLINE);
    if (pending === undefined) {
      this.#break('it spoke without being asked');
      return;
    }
    pending.chunks.push(end === -1 ? chunk : chunk.subarray(0, end));
    pending.size += chunk.length;
    if (pending.size > MAX_ANSWER) {
      const { verb } = pending;
      pending.reject(VmgateError.of(errors.GATEWAY_GARBLED, { verb, why: `it is longer than ${MAX_ANSWER} bytes` }));
      this.#break('an answer without end');
    } else if (end !== -1 && end !== chunk.length - 1) {
      this.#break('it said more than was asked');
    } else if (end !== -1) {
      this.#pending = undefined;
      pending.resolve({ stdout: Buffer.concat(pending.chunks), stderr: this.#stderr, exit: 0 });
      this.#stderr = '';
    }
  }

  #break(why: string): void {
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.reject(lost(why));
    this.#onBroken(why);
  }
}

function lost(reason: string): VmgateError {
  return VmgateError.of(errors.GATEWAY_LOST, { reason });
}
