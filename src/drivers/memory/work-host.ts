/** Work VMs without a hypervisor; what they say about themselves is what QEMU says about the same specification. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { VmgateError } from '../../core/coded.ts';
import { screenDevices } from '../../core/definition.ts';
import type { MachineFacts } from '../../core/machine-facts.ts';
import { errors } from '../codes.ts';
import type { DiskLayer, RunningWork, WorkHost, WorkSpec } from '../driver.ts';
import { requireShortSocket } from '../limits.ts';
import { SOCKETS } from '../qemu/argv.ts';
import { Machines, MemoryMachine } from './machines.ts';

/** One black pixel, as PNG. */
const BLANK = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGNgYGAAAAAEAAH2FzhVAAAAAElFTkSuQmCC',
  'base64',
);

/** The inside of one work VM, for tests. */
export class MemoryWorkMachine extends MemoryMachine {
  readonly spec: WorkSpec;
  link: 'up' | 'down' = 'up';
  /** What the guest does when its power button is pressed. */
  onPowerButton: () => void = () => this.finish('guest', 'guest-shutdown');
  /** Lets a test make the hypervisor tell of something that should not be there. */
  tamper: (facts: MachineFacts) => MachineFacts = (facts) => facts;

  constructor(pid: number, spec: WorkSpec) {
    super(pid, `work VM ${spec.name}`, spec.folder);
    this.spec = spec;
  }

  /** Traffic can flow: running, and the link up. */
  get isOnline(): boolean {
    return this.end === undefined && this.status === 'running' && this.link === 'up';
  }
}

export class MemoryWorkHost implements WorkHost {
  readonly name = 'memory';
  readonly machines: Machines<MemoryWorkMachine>;

  /** Two hosts on the same `machines` are two supervisors on one computer. */
  constructor(machines: Machines<MemoryWorkMachine> = new Machines()) {
    this.machines = machines;
  }

  async start(spec: WorkSpec): Promise<RunningWork> {
    await this.machines.enter('start');
    requireShortSocket(path.join(spec.folder, SOCKETS.console));
    const machine = new MemoryWorkMachine(this.machines.nextPid(), spec);
    this.machines.add(machine);
    return this.#takeOver(machine);
  }

  async adopt({ folder }: Pick<WorkSpec, 'name' | 'folder'>): Promise<RunningWork | undefined> {
    const machine = this.machines.running(folder);
    await this.machines.enter('adopt', machine);
    if (machine === undefined) return undefined;
    if (machine.controller !== undefined) {
      const socket = path.join(folder, SOCKETS.qmp);
      throw VmgateError.of(errors.DRIVER_QMP_BUSY, { machine: machine.label, socket });
    }
    return this.#takeOver(machine);
  }

  async isRunning(folder: string): Promise<boolean> {
    return this.machines.running(folder) !== undefined;
  }

  async reap(folder: string): Promise<void> {
    await this.machines.enter('reap');
    this.machines.running(folder)?.finish('host', 'killed by SIGKILL');
  }

  #takeOver(machine: MemoryWorkMachine): RunningWork {
    machine.link = 'down';
    return new MemoryWork(machine, this.machines);
  }
}

class MemoryWork implements RunningWork {
  readonly pid: number;
  readonly ended: RunningWork['ended'];
  readonly consolePath: string;
  readonly #machine: MemoryWorkMachine;
  readonly #machines: Machines<MemoryWorkMachine>;

  constructor(machine: MemoryWorkMachine, machines: Machines<MemoryWorkMachine>) {
    machine.controller = this;
    this.pid = machine.pid;
    this.ended = machine.ended;
    this.consolePath = path.join(machine.folder, SOCKETS.console);
    this.#machine = machine;
    this.#machines = machines;
  }

  async facts(): Promise<MachineFacts> {
    await this.#command('facts');
    return this.#machine.tamper(factsOf(this.#machine));
  }

  async setLink(up: boolean): Promise<void> {
    await this.#command('setLink');
    this.#machine.link = up ? 'up' : 'down';
  }

  async resume(): Promise<void> {
    await this.#command('resume');
    this.#machine.status = 'running';
  }

  async pause(): Promise<void> {
    await this.#command('pause');
    this.#machine.link = 'down';
    this.#machine.status = 'paused';
  }

  async screenshot(file: string): Promise<void> {
    await this.#command('screenshot');
    await writeFile(file, BLANK, { flag: 'wx', mode: 0o600 });
  }

  async powerDown(): Promise<void> {
    await this.#command('powerDown');
    if (this.#machine.status === 'running') this.#machine.onPowerButton();
  }

  async kill(): Promise<void> {
    await this.#machines.enter('kill', this.#machine);
    this.#machine.link = 'down';
    this.#machine.finish('host', 'killed by SIGKILL');
  }

  release(): void {
    this.#machines.calls.push('release');
    if (this.#machine.controller === this) this.#machine.controller = undefined;
  }

  async #command(call: string): Promise<void> {
    await this.#machines.enter(call, this.#machine);
    this.#machine.mustRun();
    if (this.#machine.controller !== this) {
      throw VmgateError.of(errors.DRIVER_GONE, { machine: this.#machine.label, detail: 'the connection ended' });
    }
  }
}

function factsOf({ spec, status }: MemoryWorkMachine): MachineFacts {
  const { name, folder, mac, wire, boot, hardware, arch, display } = spec;
  const compat = hardware === 'compat';
  const model = compat ? 'e1000e' : 'virtio-net-pci';
  const disk = boot.kind === 'disk' ? boot : undefined;
  const compatDisk = arch === 'arm64' ? ['ich9-ahci', 'ide-hd'] : ['ide-hd'];
  const diskDevices = compat ? compatDisk : ['virtio-blk-pci'];
  const node = (driver: string, file: string, backing?: string) => ({
    name: `${driver} ${file}`,
    driver,
    file,
    backing,
  });
  const layer = ({ path: file, format, over }: DiskLayer): MachineFacts['blocks'] => [
    node(format, file, over?.path),
    node('file', file),
    ...(over === undefined ? [] : layer(over)),
  ];
  return {
    name,
    status,
    cards: [{ id: 'nic', model, mac, backend: 'wire', backendType: 'dgram' }],
    backends: [{ id: 'wire', type: 'dgram', detail: `udp=${wire.localPath}:${wire.remotePath}` }],
    blocks:
      disk === undefined
        ? []
        : [node('qcow2', disk.overlay, disk.base.path), node('file', disk.overlay), ...layer(disk.base)],
    devices: ['virtio-rng-pci', model, ...(disk === undefined ? [] : diskDevices), ...screenDevices(spec)].map(
      (type) => ({ id: type, type }),
    ),
    displays: {
      none: [],
      window: [{ kind: 'gtk', detail: '' }],
      vnc: [{ kind: 'vnc', detail: `unix ${path.join(folder, SOCKETS.screen)} none` }],
    }[display],
    chardevs: ['qmp', 'console'].map((label) => ({
      label,
      target: `unix:${path.join(folder, `${label}.sock`)},server=on`,
    })),
  };
}
