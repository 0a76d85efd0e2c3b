/** A QMP server in this process: answers from a table, one client at a time. */
import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';

const GREETING =
  '{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": "Debian"}, "capabilities": ["oob"]}}';

interface Command {
  readonly execute: string;
  readonly arguments?: Readonly<Record<string, unknown>>;
  readonly id: number;
}

/** What to send for a command; `undefined`: nothing, ever. */
export type Answer = (command: Command, socket: net.Socket) => string | undefined;

export interface FakeQmp {
  readonly socketPath: string;
  readonly received: readonly string[];
  close(): Promise<void>;
}

export function ok(value: unknown = {}): Answer {
  return ({ id }) => JSON.stringify({ return: value, id });
}

/** `greeting` null: accepts and says nothing, as QEMU does to a second client. */
export async function fakeQmp(
  answers: Readonly<Record<string, Answer>>,
  greeting: string | null = GREETING,
): Promise<FakeQmp> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'vmgate-qmp-'));
  const socketPath = path.join(folder, 'qmp.sock');
  const received: string[] = [];
  const clients = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    clients.add(socket);
    socket.on('error', () => {});
    if (greeting !== null) socket.write(`${greeting}\r\n`);
    let pending = '';
    socket.on('data', (chunk) => {
      const lines = (pending + String(chunk)).split('\n');
      pending = lines.pop() ?? '';
      for (const line of lines) {
        const command = JSON.parse(line) as Command;
        received.push(command.execute);
        const answer = { qmp_capabilities: ok(), ...answers }[command.execute];
        const text = answer?.(command, socket);
        if (text !== undefined) socket.write(`${text}\r\n`);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return {
    socketPath,
    received,
    close: async () => {
      for (const client of clients) client.destroy();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true, force: true });
    },
  };
}
