/**
 * The guard as it is, until it is told otherwise: SIGUSR2 makes it deaf (connected, alive, reading no frame any more),
 * SIGHUP takes its deadline away: it stays armed, whoever is gone. For tests and anti-tests on one and the same gateway.
 */
import net from 'node:net';
import { PassThrough } from 'node:stream';
import { compileMatcher } from '../../../src/core/policy/index.ts';
import { runGuard } from '../../../src/guard/index.ts';
import { LineSplitter, monotonicMs, wallMs } from '../../../src/host/index.ts';

const ARM_MS = 4_500;
const AGAIN_MS = 500;

const sockets: net.Socket[] = [];
const connect = net.connect;
net.connect = ((...options: Parameters<typeof connect>) => {
  const socket = connect(...options);
  sockets.push(socket);
  return socket;
}) as typeof connect;
process.on('SIGUSR2', () => {
  for (const socket of sockets) socket.pause();
});

const orders = new PassThrough();
let generation = 0;
let hasDeadline = true;
process.on('SIGHUP', () => {
  hasDeadline = false;
  setInterval(() => {
    const until = { monotonicMs: monotonicMs() + ARM_MS, wallMs: wallMs() + ARM_MS };
    orders.write(`${JSON.stringify({ type: 'arm', generation, ...until })}\n`);
  }, AGAIN_MS);
});

const lines = new LineSplitter((line) => {
  generation = Number(/"generation":(\d+)/.exec(line)?.[1] ?? generation);
  if (hasDeadline || !line.includes('"disarm"')) orders.write(`${line}\n`);
}, 1_048_576);
process.stdin.on('data', (chunk: Buffer) => lines.push(chunk));
process.stdin.on('end', () => orders.end());

runGuard({
  stdin: orders,
  stdout: process.stdout,
  compile: (policy) => compileMatcher(policy),
  exit: (status) => process.exit(status),
});
