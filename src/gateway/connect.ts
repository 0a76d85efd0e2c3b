/** Gets an authenticated SSH connection out of the gateway's byte stream. */
import type { Duplex } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import type { Client, ConnectConfig } from 'ssh2';
import { VmgateError } from '../core/coded.ts';
import { messageOf } from '../host/index.ts';
import { fingerprint } from '../ssh/index.ts';
import { fromBanner } from './banner.ts';
import { errors } from './codes.ts';
import type { ControlCredentials } from './settings.ts';

/** A gateway that is silent this long, three times over, is gone. */
const KEEPALIVE_MS = 5_000;
const PAUSE_BETWEEN_ATTEMPTS_MS = 50;

export interface ConnectOptions {
  /** RunningGateway.openControl: a fresh stream for each attempt. */
  readonly openStream: () => Promise<Duplex>;
  readonly credentials: ControlCredentials;
  /** Time for the gateway's boot and the handshake together, milliseconds. */
  readonly withinMs: number;
  /** Gives up early, for instance because the gateway's process ended. */
  readonly signal?: AbortSignal;
}

/**
 * Connects as soon as the gateway answers. An attempt is repeated while time is left: stale bytes of an earlier client
 * can spoil a handshake.
 *
 * @throws GATEWAY_NO_ANSWER, GATEWAY_WRONG_KEY (never repeated)
 */
export async function connect({ openStream, credentials, withinMs, signal }: ConnectOptions): Promise<Client> {
  const deadline = Date.now() + withinMs;
  const timeout = AbortSignal.timeout(withinMs);
  const stop = signal === undefined ? timeout : AbortSignal.any([timeout, signal]);
  let reason = 'it never spoke';
  while (!stop.aborted) {
    try {
      return await attempt(await openStream(), credentials, deadline - Date.now(), stop);
    } catch (cause) {
      if (VmgateError.is(cause) && cause.code === errors.GATEWAY_WRONG_KEY.code) throw cause;
      if (!stop.aborted) reason = messageOf(cause);
      if (keyRefused(cause)) break;
    }
    await setTimeout(PAUSE_BETWEEN_ATTEMPTS_MS, undefined, { signal: stop }).catch(() => undefined);
  }
  if (signal?.aborted) reason = messageOf(signal.reason);
  throw VmgateError.of(errors.GATEWAY_NO_ANSWER, { seconds: Math.round(withinMs / 1_000), reason });
}

async function attempt(
  raw: Duplex,
  credentials: ControlCredentials,
  withinMs: number,
  stop: AbortSignal,
): Promise<Client> {
  const { default: ssh2 } = await import('ssh2');
  const client = new ssh2.Client();
  const stream = fromBanner(raw);
  let offered = credentials.hostKey;
  const hostVerifier = (key: Buffer) => {
    offered = fingerprint(key);
    return offered === credentials.hostKey;
  };
  const abort = () => {
    client.destroy();
    stream.destroy(new Error('given up'));
  };
  stop.addEventListener('abort', abort, { once: true });
  if (stop.aborted) abort();
  try {
    await new Promise<void>((resolve, reject) => {
      client.once('ready', resolve);
      // ssh2 reports the same trouble several times, some of it after the end: never without a listener.
      client.on('error', reject);
      client.on('close', () => reject(new Error('the connection ended during the handshake')));
      stream.on('error', reject);
      client.connect({ ...settings(credentials.clientKey), sock: stream, hostVerifier, readyTimeout: withinMs });
    });
    return client;
  } catch (cause) {
    abort();
    if (offered === credentials.hostKey) throw cause;
    throw VmgateError.of(errors.GATEWAY_WRONG_KEY, { expected: credentials.hostKey, offered }, { cause });
  } finally {
    stop.removeEventListener('abort', abort);
  }
}

/** The gateway is the right one and will not have our key: it will not have it the next time either. */
function keyRefused(cause: unknown): boolean {
  return typeof cause === 'object' && cause !== null && 'level' in cause && cause.level === 'client-authentication';
}

/** One algorithm of each kind: there is nothing to negotiate with a server that comes from our own image. */
function settings(clientKey: string): ConnectConfig {
  return {
    username: 'root',
    privateKey: clientKey,
    authHandler: ['publickey'],
    agentForward: false,
    keepaliveInterval: KEEPALIVE_MS,
    keepaliveCountMax: 3,
    algorithms: {
      kex: ['curve25519-sha256'],
      serverHostKey: ['ssh-ed25519'],
      cipher: ['chacha20-poly1305@openssh.com'],
      compress: ['none'],
    },
  };
}
