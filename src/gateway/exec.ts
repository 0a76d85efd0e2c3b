/** Runs one verb in a session of its own: bounded output, nothing forwarded. For what must not wait for another verb. */
import type { Client, ClientChannel } from 'ssh2';
import { VmgateError } from '../core/coded.ts';
import type { VerbOutput } from './answer.ts';
import { errors } from './codes.ts';
import { MAX_ANSWER, type Verb } from './protocol.ts';

export const MAX_STDERR = 8_192;

/** Sends `stdin` to `vmgate-gw VERB` and collects what it prints until the channel closes. */
export function exec(client: Client, verb: Verb, stdin: string): Promise<VerbOutput> {
  return new Promise((resolve, reject) => {
    client.exec(`vmgate-gw ${verb}`, (cause, channel) => {
      if (cause !== undefined) return reject(VmgateError.of(errors.GATEWAY_LOST, { reason: cause.message }, { cause }));
      collect(channel, verb).then(resolve, reject);
      channel.end(stdin);
    });
  });
}

function collect(channel: ClientChannel, verb: Verb): Promise<VerbOutput> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let stderr = '';
    let exit: number | undefined;
    channel.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MAX_ANSWER) chunks.push(chunk);
      else reject(VmgateError.of(errors.GATEWAY_GARBLED, { verb, why: `it is longer than ${MAX_ANSWER} bytes` }));
    });
    channel.stderr.on('data', (chunk: Buffer) => {
      stderr = (stderr + chunk.toString('utf8')).slice(0, MAX_STDERR);
    });
    channel.on('exit', (code: number | null) => {
      exit = code ?? undefined;
    });
    channel.on('error', (cause: Error) =>
      reject(VmgateError.of(errors.GATEWAY_LOST, { reason: cause.message }, { cause })),
    );
    channel.on('close', () => resolve({ stdout: Buffer.concat(chunks), stderr, exit }));
  });
}
