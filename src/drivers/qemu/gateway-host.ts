/** The gateway on QEMU: boots from memory, runs at once, dies with SIGKILL, is never adopted. */
import { rm } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import { VmgateError } from '../../core/coded.ts';
import { emptyFolder } from '../../home/index.ts';
import { errors } from '../codes.ts';
import type { GatewayBoot, GatewayHost, ProbeWire, ProcessEnd, RunningGateway } from '../driver.ts';
import { gatewayArgv, SOCKETS } from './argv.ts';
import type { Installation } from './installation.ts';
import { isAlreadyRunning, killHolder, Machine } from './machine.ts';
import { openProbeWire } from './probe-wire.ts';
import { TextTail } from './text-tail.ts';

const LABEL = 'the gateway';
export const CONSOLE_BYTES = 65_536;

export class QemuGatewayHost implements GatewayHost {
  readonly name = 'qemu';
  readonly #installation: Installation;

  constructor(installation: Installation) {
    this.#installation = installation;
  }

  async boot(spec: GatewayBoot): Promise<RunningGateway> {
    const qemu = await this.#installation.find(spec.arch);
    const argv = gatewayArgv(spec, qemu);
    try {
      const machine = await Machine.launch({ ...qemu, label: LABEL, folder: spec.runFolder, argv });
      // It holds this boot's keys, and QEMU has it in memory.
      await rm(spec.initramfs, { force: true });
      return new QemuGateway(spec, machine);
    } catch (cause) {
      if (!isAlreadyRunning(cause)) await emptyFolder(spec.runFolder);
      throw cause;
    }
  }

  async reap(runFolder: string): Promise<void> {
    await killHolder(runFolder, LABEL);
    await emptyFolder(runFolder);
  }
}

class QemuGateway implements RunningGateway {
  readonly pid: number;
  readonly ended: Promise<ProcessEnd>;
  readonly guardSockets: RunningGateway['guardSockets'];
  readonly #spec: GatewayBoot;
  readonly #machine: Machine;
  readonly #console = new TextTail(CONSOLE_BYTES);
  #control: net.Socket | undefined;
  #probe: 'free' | 'in use' = 'free';

  constructor(spec: GatewayBoot, machine: Machine) {
    this.pid = machine.pid;
    this.ended = machine.ended;
    this.guardSockets = {
      outgoing: path.join(spec.runFolder, SOCKETS.outgoing),
      released: path.join(spec.runFolder, SOCKETS.released),
    };
    this.#spec = spec;
    this.#machine = machine;
    const serial = net.connect(path.join(spec.runFolder, SOCKETS.serial));
    serial.on('data', (chunk: Buffer) => this.#console.push(chunk));
    serial.on('error', () => {}); // The end of the machine is told by `ended`.
  }

  consoleTail(): string {
    return this.#console.text();
  }

  /** QEMU would let a second client wait in its queue without a word, so the second is refused here. */
  openControl(): Promise<Duplex> {
    return new Promise((resolve, reject) => {
      const unreachable = (why: string, cause?: Error) =>
        reject(VmgateError.of(errors.DRIVER_CONTROL_UNREACHABLE, { why }, { cause }));
      if (this.#control !== undefined && !this.#control.closed) return unreachable('it is in use already');
      const socket = net.connect(path.join(this.#spec.runFolder, SOCKETS.control));
      this.#control = socket;
      // Kept after the connect: the stream's end is told by `close`, and a reset must not end the supervisor.
      socket.on('error', (cause) => unreachable(cause.message, cause));
      socket.once('connect', () => resolve(socket));
    });
  }

  async openProbe(): Promise<ProbeWire> {
    if (this.#probe === 'in use') {
      throw VmgateError.of(errors.DRIVER_PROBE_UNAVAILABLE, { why: 'it is in use by another run' });
    }
    this.#probe = 'in use';
    const free = () => {
      this.#probe = 'free';
    };
    try {
      const { plan, runFolder } = this.#spec;
      return await openProbeWire(this.#machine.qmp, runFolder, plan.probe.ifname, free);
    } catch (cause) {
      free();
      throw cause;
    }
  }

  async kill(): Promise<void> {
    await this.#machine.kill();
    await emptyFolder(this.#spec.runFolder);
    // QEMU binds its ends of the wires outside its folder and does not unlink them.
    await Promise.all(this.#spec.wires.map(({ gatewayPath }) => rm(gatewayPath, { force: true })));
  }
}
