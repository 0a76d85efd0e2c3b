/** Gateways without a hypervisor: tests stand where the guest would. */
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { type Duplex, duplexPair } from 'node:stream';
import { VmgateError } from '../../core/coded.ts';
import { emptyFolder } from '../../home/index.ts';
import { errors } from '../codes.ts';
import type { GatewayBoot, GatewayHost, ProbeWire, RunningGateway } from '../driver.ts';
import { requireFrameSize } from '../limits.ts';
import { SOCKETS } from '../qemu/argv.ts';
import { Machines, MemoryMachine } from './machines.ts';

/** The guest's side of one gateway, for tests. */
export class MemoryGatewayMachine extends MemoryMachine {
  readonly spec: GatewayBoot;
  /** Frames vmgate injected on the probe link, oldest first. */
  readonly injected: Buffer[] = [];
  /** The guest's end of the control channel; undefined while nobody is connected. */
  control: Duplex | undefined;
  /** What the guest printed on its serial console. */
  printed = '';
  readonly #watchers = new Set<(frame: Buffer) => void>();

  constructor(pid: number, spec: GatewayBoot) {
    super(pid, 'the gateway', spec.runFolder);
    this.spec = spec;
    this.status = 'running';
  }

  /** The guest puts a frame on the probe link. */
  emitProbe(frame: Buffer): void {
    for (const watcher of this.#watchers) watcher(frame);
  }

  watchProbe(watcher: (frame: Buffer) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }
}

export class MemoryGatewayHost implements GatewayHost {
  readonly name = 'memory';
  readonly machines: Machines<MemoryGatewayMachine>;

  /** Two hosts on the same `machines` are two supervisors on one computer. */
  constructor(machines: Machines<MemoryGatewayMachine> = new Machines()) {
    this.machines = machines;
  }

  async boot(spec: GatewayBoot): Promise<RunningGateway> {
    await this.machines.enter('boot');
    const machine = new MemoryGatewayMachine(this.machines.nextPid(), spec);
    this.machines.add(machine);
    await rm(spec.initramfs, { force: true });
    return new MemoryGateway(machine, this.machines);
  }

  async reap(runFolder: string): Promise<void> {
    await this.machines.enter('reap');
    this.machines.running(runFolder)?.finish('host', 'killed by SIGKILL');
    await emptyFolder(runFolder);
  }
}

class MemoryGateway implements RunningGateway {
  readonly pid: number;
  readonly ended: RunningGateway['ended'];
  readonly guardSockets: RunningGateway['guardSockets'];
  readonly #machine: MemoryGatewayMachine;
  readonly #machines: Machines<MemoryGatewayMachine>;
  #probing = false;

  constructor(machine: MemoryGatewayMachine, machines: Machines<MemoryGatewayMachine>) {
    this.pid = machine.pid;
    this.ended = machine.ended;
    this.guardSockets = {
      outgoing: path.join(machine.folder, SOCKETS.outgoing),
      released: path.join(machine.folder, SOCKETS.released),
    };
    this.#machine = machine;
    this.#machines = machines;
    void machine.ended.then(() => machine.control?.destroy());
  }

  async openControl(): Promise<Duplex> {
    await this.#machines.enter('openControl', this.#machine);
    const unreachable = (why: string) => VmgateError.of(errors.DRIVER_CONTROL_UNREACHABLE, { why });
    if (this.#machine.end !== undefined) throw unreachable('ENOENT');
    if (this.#machine.control !== undefined) throw unreachable('it is in use already');
    const [host, guest] = duplexPair();
    this.#machine.control = guest;
    host.once('close', () => {
      this.#machine.control = undefined;
      guest.destroy();
    });
    guest.once('close', () => host.destroy());
    return host;
  }

  async openProbe(): Promise<ProbeWire> {
    await this.#machines.enter('openProbe', this.#machine);
    this.#machine.mustRun();
    if (this.#probing) {
      throw VmgateError.of(errors.DRIVER_PROBE_UNAVAILABLE, { why: 'it is in use by another run' });
    }
    this.#probing = true;
    const machine = this.#machine;
    const watching: (() => void)[] = [];
    let open = true;
    return {
      send(frame) {
        requireFrameSize(frame);
        if (open && machine.end === undefined) machine.injected.push(Buffer.from(frame));
      },
      onFrame(listener) {
        watching.push(machine.watchProbe(listener));
      },
      close: async () => {
        if (!open) return;
        open = false;
        for (const stop of watching) stop();
        this.#probing = false;
        await this.#machines.enter('closeProbe', machine);
      },
    };
  }

  consoleTail(): string {
    return this.#machine.printed.slice(-65_536);
  }

  async kill(): Promise<void> {
    await this.#machines.enter('kill', this.#machine);
    this.#machine.finish('host', 'killed by SIGKILL');
    await emptyFolder(this.#machine.folder);
    await Promise.all(this.#machine.spec.wires.map(({ gatewayPath }) => rm(gatewayPath, { force: true })));
  }
}
