/** What the commands on registries have in common: options, progress, signing. */
import path from 'node:path';
import type { CodedEvent } from '../../core/coded.ts';
import { escapeLine, run } from '../../host/index.ts';
import type { ClientOptions } from '../../oci/index.ts';
import { signWithKeygen, TEMPLATE_NAMESPACE } from '../../trust/index.ts';
import { type Context, type Input, text } from '../command.ts';

export const TOKEN_HOST = {
  flags: '--token-host <HOST>',
  about: "the registry's token server, if on another host",
} as const;

/** Under --json every event is a line; for people bytes are one line that is redrawn. */
export function clientOptions({ out, interrupted }: Context, input: Input): ClientOptions {
  const tokenHost = text(input, 'tokenHost');
  return {
    ...(tokenHost === undefined ? {} : { tokenHost }),
    signal: interrupted,
    progress: (event: CodedEvent) => {
      if (out.json || event.code !== 'REGISTRY_TRANSFER') out.event(event);
      else out.transient(event.text);
    },
  };
}

/** Signs with `key` of the user's, in a file, an agent or hardware. */
export function signerWith(context: Context, key: string): (message: string) => Promise<string> {
  const { out, outside, interrupted, cwd } = context;
  const { SSH_AUTH_SOCK: agent } = outside.sshEnvironment;
  return (message) =>
    signWithKeygen(message, TEMPLATE_NAMESPACE, path.resolve(cwd, key), {
      run,
      environment: agent === undefined ? {} : { SSH_AUTH_SOCK: agent },
      onLine: (line) => out.progress(escapeLine(line)),
      signal: interrupted,
    });
}
