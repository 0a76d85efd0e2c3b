// Baseline for throughput-guard: the same gateway, but its uplink ends in QEMU's own network without a guard on it.
import { rm } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';

/** Boots what the driver would boot, without the filters on the uplink. */
export async function bootUnguarded(stand, spec) {
  const [{ gatewayArgv }, { Machine }] = [
    await stand.load('drivers/qemu/argv.js'),
    await stand.load('drivers/index.js'),
  ];
  const qemu = await stand.qemu();
  const machine = await Machine.launch({
    ...qemu,
    label: 'the gateway without a guard',
    folder: spec.runFolder,
    argv: withoutFilters(gatewayArgv(spec, qemu)),
  });
  const serial = net.connect(path.join(spec.runFolder, 'serial.sock')).resume();
  serial.on('error', () => {});
  return {
    ended: machine.ended,
    openControl: () => connected(path.join(spec.runFolder, 'ssh.sock')),
    kill: async () => {
      await machine.kill();
      await rm(spec.runFolder, { recursive: true, force: true });
    },
  };
}

function withoutFilters(argv) {
  const filters = argv.flatMap((argument, at) => (argument.startsWith('filter-redirector') ? [at - 1, at] : []));
  if (filters.length !== 4) throw new Error('the gateway no longer has two redirectors to leave out');
  return argv.filter((_, at) => !filters.includes(at));
}

function connected(socketPath) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(socketPath);
    socket.once('error', reject);
    socket.once('connect', () => resolve(socket));
  });
}
