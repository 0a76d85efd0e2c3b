/** Both ends of a TCP connection between namespaces, each a process that says what it is told to and tells what it hears. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Namespaces, Space } from './namespaces.ts';

/** Where a connection comes from. */
export interface Origin {
  /** Undefined: the kernel's choice. */
  readonly address?: string | undefined;
  /** Undefined: the kernel's choice. */
  readonly port?: number | undefined;
  /** By number; undefined: root. */
  readonly user?: number | undefined;
}

export class Talkers {
  readonly #net: Namespaces;
  readonly #children: ChildProcess[] = [];

  constructor(net: Namespaces) {
    this.#net = net;
  }

  /** A server that listens by now. */
  async serve(space: Space, address: string, port: number): Promise<Talker> {
    const server = this.#run(space, SERVE, { address, port });
    await server.hears('listening');
    return server;
  }

  /** A client that connects when it can, and then hears `connected`; once that is over for good, why. */
  connect(space: Space, host: string, port: number, { address, port: localPort, user }: Origin = {}): Talker {
    return this.#run(space, CONNECT, { user, to: { host, port, localAddress: address, localPort } });
  }

  /** All of them are gone. */
  end(): void {
    for (const child of this.#children.splice(0)) child.kill('SIGKILL');
  }

  #run(space: Space, script: string, means: object): Talker {
    const argv = ['netns', 'exec', this.#net.name(space), process.execPath, '-e', script, JSON.stringify(means)];
    const child = spawn('ip', argv, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#children.push(child);
    return new Talker(child);
  }
}

export class Talker {
  heard = '';
  readonly #child: ChildProcess;

  constructor(child: ChildProcess) {
    this.#child = child;
    child.stdout?.on('data', (chunk: Buffer) => {
      this.heard += chunk;
    });
  }

  say(word: string): void {
    this.#child.stdin?.write(word);
  }

  async hears(word: string, withinMs = 10_000): Promise<void> {
    if (!(await this.mayHear(word, withinMs))) throw new Error(`did not hear ${word} in ${withinMs} ms: ${this.heard}`);
  }

  /** Whether it came in time. */
  async mayHear(word: string, withinMs: number): Promise<boolean> {
    const stop = AbortSignal.timeout(withinMs);
    while (!this.heard.includes(word) && !stop.aborted) {
      await once(this.#child.stdout ?? this.#child, 'data', { signal: stop }).catch(() => undefined);
    }
    return this.heard.includes(word);
  }
}

const SERVE = `
const { address, port } = JSON.parse(process.argv[1]);
require('node:net').createServer((socket) => socket.on('data', (data) => process.stdout.write(data)).on('error', () => {}))
  .listen(port, address, () => process.stdout.write('listening'));
`;

const CONNECT = `
const { user, to } = JSON.parse(process.argv[1]);
if (user !== undefined) process.setuid(user);
const socket = require('node:net').connect(to);
socket.on('connect', () => { process.stdout.write('connected'); process.stdin.on('data', (data) => socket.write(data)); });
socket.on('error', ({ code }) => process.stdout.write(code));
`;
