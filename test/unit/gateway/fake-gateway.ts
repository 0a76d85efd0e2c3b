/** A real SSH server in this process that plays the gateway, and can be told to misbehave. */
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import ssh2, { type Connection, type ServerChannel } from 'ssh2';
import { ed25519Blob, fingerprint, type KeyPair, makeKeyPair, openSshPrivateKey } from '../../../src/ssh/index.ts';

export interface Asked {
  readonly verb: string;
  readonly stdin: string;
}

export interface FakeGateway {
  readonly credentials: { readonly clientKey: string; readonly hostKey: string };
  /** Every verb asked so far, with what came on stdin. */
  readonly asked: readonly Asked[];
  /** Connections as the server sees them. */
  readonly connections: readonly Connection[];
  openStream(): Promise<Duplex>;
  stop(): Promise<void>;
}

/** Where an answer goes: a session of its own, or the resident shell, whose answers end with a line. */
export interface Answering {
  readonly writable: boolean;
  write(data: Buffer | string, done?: () => void): void;
  /** The resident shell has no exit status to give, but it can end. */
  exit(code: number | string): void;
  end(): void;
}

export interface Behaviour {
  /** Answers a verb; the default never does. */
  readonly onVerb?: (asked: Asked, channel: Answering) => void;
  /** Written to every stream before SSH begins. */
  readonly stale?: Buffer;
  readonly hostKey?: KeyPair;
  /** Accepts streams and says nothing at all. */
  readonly mute?: boolean;
  readonly onConnection?: (connection: Connection) => void;
}

export async function fakeGateway(behaviour: Behaviour = {}): Promise<FakeGateway> {
  const [client, host] = [makeKeyPair(), makeKeyPair()];
  const folder = mkdtempSync(path.join(os.tmpdir(), 'vmgate-fake-gateway-'));
  const socket = path.join(folder, 's');
  const asked: Asked[] = [];
  const connections: Connection[] = [];
  const server = new ssh2.Server(
    { hostKeys: [openSshPrivateKey(behaviour.hostKey ?? host, 'fake')], ident: 'fake' },
    (connection) => {
      connections.push(connection);
      connection.on('error', () => undefined);
      connection.on('authentication', (attempt) => {
        const known = attempt.method === 'publickey' && attempt.key.data.equals(ed25519Blob(client.publicRaw));
        if (known) attempt.accept();
        else attempt.reject();
      });
      connection.on('ready', () => behaviour.onConnection?.(connection));
      connection.on('session', (accept) => {
        accept().on('exec', (acceptExec, _reject, { command }) => {
          const channel = acceptExec();
          const verb = command.replace('vmgate-gw ', '');
          const hear = (one: Asked, to: Answering) => {
            asked.push(one);
            behaviour.onVerb?.(one, to);
          };
          if (verb === 'serve') return serve(channel, hear);
          const chunks: Buffer[] = [];
          channel.on('data', (chunk: Buffer) => chunks.push(chunk));
          channel.on('end', () => hear({ verb, stdin: Buffer.concat(chunks).toString() }, channel as Answering));
          return undefined;
        });
      });
    },
  );
  const sockets = new Set<net.Socket>();
  const listener = net.createServer((stream) => {
    sockets.add(stream);
    stream.on('error', () => undefined);
    if (behaviour.stale !== undefined) stream.write(behaviour.stale);
    if (behaviour.mute === true) stream.resume();
    else server.injectSocket(stream);
  });
  await new Promise<void>((resolve) => listener.listen(socket, resolve));
  return {
    credentials: { clientKey: openSshPrivateKey(client, 'fake'), hostKey: fingerprint(ed25519Blob(host.publicRaw)) },
    asked,
    connections,
    openStream: () =>
      new Promise((resolve, reject) => {
        const stream = net.connect(socket, () => resolve(stream));
        stream.once('error', reject);
      }),
    stop: async () => {
      for (const stream of sockets) stream.destroy();
      await new Promise((resolve) => listener.close(resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** As `vmgate-gw serve`: a request after the other, each answered before the next is read. */
function serve(channel: ServerChannel, hear: (asked: Asked, channel: Answering) => void): void {
  let received = Buffer.alloc(0);
  const answering: Answering = {
    get writable() {
      return channel.writable;
    },
    write: (data, done) => channel.write(data, done),
    exit: (code) => {
      if (typeof code === 'string') channel.end();
    },
    end: () => channel.writable && channel.write('\n'),
  };
  channel.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    const [verb = '', length] = received.toString().split('\n', 1)[0]?.split(' ') ?? [];
    const start = received.indexOf('\n') + 1;
    const end = start + Number(length);
    if (start === 0 || received.length < end) return;
    const stdin = received.subarray(start, end).toString();
    received = received.subarray(end);
    hear({ verb, stdin }, answering);
  });
}

/** Ends a verb as vmgate-gw does. */
export function answer(channel: Answering, document: unknown, exit = 0): void {
  channel.write(typeof document === 'string' ? document : JSON.stringify(document));
  channel.exit(exit);
  channel.end();
}
