/** Work VMs on QEMU: started frozen with the link down, judged, then let go; they outlive the supervisor. */
import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { MachineFacts } from '../../core/machine-facts.ts';
import type { ProcessEnd, RunningWork, WorkHost, WorkSpec } from '../driver.ts';
import { PIDFILE, SOCKETS, WORK_NETDEV, workArgv } from './argv.ts';
import { readFacts } from './facts.ts';
import type { Installation } from './installation.ts';
import { Machine } from './machine.ts';
import { lockHolder } from './pidfile.ts';

export class QemuWorkHost implements WorkHost {
  readonly name = 'qemu';
  readonly #installation: Installation;

  constructor(installation: Installation) {
    this.#installation = installation;
  }

  async start(spec: WorkSpec): Promise<RunningWork> {
    const qemu = await this.#installation.find(spec.arch);
    const argv = workArgv(spec, qemu);
    const machine = await Machine.launch({ ...qemu, label: labelOf(spec.name), folder: spec.folder, argv });
    return takeOver(machine, spec.name, spec.folder);
  }

  async adopt({ name, folder }: Pick<WorkSpec, 'name' | 'folder'>): Promise<RunningWork | undefined> {
    const machine = await Machine.attach(labelOf(name), folder);
    return machine === undefined ? undefined : takeOver(machine, name, folder);
  }

  async isRunning(folder: string): Promise<boolean> {
    return (await lockHolder(path.join(folder, PIDFILE))) !== undefined;
  }
}

/** Link down before anything else is asked: whoever had the machine before may have left it up. */
async function takeOver(machine: Machine, name: string, folder: string): Promise<RunningWork> {
  const work = new QemuWork(machine, name, folder);
  try {
    await work.setLink(false);
    return work;
  } catch (cause) {
    await work.kill();
    throw cause;
  }
}

class QemuWork implements RunningWork {
  readonly pid: number;
  readonly ended: Promise<ProcessEnd>;
  readonly consolePath: string;
  readonly #machine: Machine;
  readonly #name: string;
  readonly #folder: string;

  constructor(machine: Machine, name: string, folder: string) {
    this.pid = machine.pid;
    this.ended = machine.ended;
    this.consolePath = path.join(folder, SOCKETS.console);
    this.#machine = machine;
    this.#name = name;
    this.#folder = folder;
  }

  facts(): Promise<MachineFacts> {
    return readFacts(this.#machine.qmp, this.#name);
  }

  async setLink(up: boolean): Promise<void> {
    await this.#machine.qmp.execute('set_link', { name: WORK_NETDEV, up });
  }

  async resume(): Promise<void> {
    await this.#machine.qmp.execute('cont');
  }

  /** Link down first: a stopped VM with its netdev up makes the gateway's QEMU spin once its queue is full. */
  async pause(): Promise<void> {
    await this.setLink(false);
    await this.#machine.qmp.execute('stop');
  }

  async powerDown(): Promise<void> {
    await this.#machine.qmp.execute('system_powerdown');
  }

  async kill(): Promise<void> {
    await this.setLink(false).catch(() => {}); // A QEMU that hangs or is gone sends nothing after SIGKILL anyway.
    await this.#machine.kill();
    const leftovers = [PIDFILE, SOCKETS.qmp, SOCKETS.console].map((file) => path.join(this.#folder, file));
    await Promise.all(leftovers.map((file) => rm(file, { force: true })));
  }

  release(): void {
    this.#machine.release();
  }
}

function labelOf(name: string): string {
  return `work VM ${name}`;
}
