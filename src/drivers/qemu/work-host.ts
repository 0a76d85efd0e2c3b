/** Work VMs on QEMU: started frozen with the link down, judged, then let go; they outlive the supervisor. */
import { chmod, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { VmgateError } from '../../core/coded.ts';
import type { MachineFacts } from '../../core/machine-facts.ts';
import { installLine } from '../../host/index.ts';
import { errors } from '../codes.ts';
import type { Arch, ProcessEnd, RunningWork, WorkHost, WorkSpec } from '../driver.ts';
import { bootsByUefi, PIDFILE, SOCKETS, WORK_NETDEV, workArgv } from './argv.ts';
import { parseInfoNetwork, readFacts } from './facts.ts';
import { FIRMWARE, type Installation } from './installation.ts';
import { isAlreadyRunning, killHolder, Machine } from './machine.ts';
import { lockHolder } from './pidfile.ts';
import type { QmpClient } from './qmp.ts';
import { requireWindow } from './window.ts';

const LAST_WORDS_MS = 1_000;
const SCREENSHOT_MS = 30_000;

/** The serial console of the work VM in `folder`: a unix socket while it runs. */
export function consoleSocket(folder: string): string {
  return path.join(folder, SOCKETS.console);
}

/** Where the work VM in `folder` shows its screen by VNC: a unix socket while it runs, if it was asked to. */
export function screenSocket(folder: string): string {
  return path.join(folder, SOCKETS.screen);
}

/** Pid of the QEMU that runs the work VM in `folder`, by the lock it holds and not by a file that may be old. */
export function workProcess(folder: string): Promise<number | undefined> {
  return lockHolder(path.join(folder, PIDFILE));
}

export class QemuWorkHost implements WorkHost {
  readonly name = 'qemu';
  readonly #installation: Installation;

  constructor(installation: Installation) {
    this.#installation = installation;
  }

  async start(spec: WorkSpec): Promise<RunningWork> {
    const qemu = await this.#installation.find(spec.arch);
    if (bootsByUefi(spec) && qemu.firmware === undefined) throw noFirmware(spec.arch);
    const window = spec.display === 'window' ? await requireWindow(qemu) : undefined;
    const argv = workArgv(spec, window === undefined ? qemu : { ...qemu, window: window.toolkit });
    const { environment = {} } = window ?? {};
    const launch = { ...qemu, label: labelOf(spec.name), folder: spec.folder, argv, environment, yields: true };
    const machine = await Machine.launch(launch).catch(async (cause: unknown) => {
      if (!isAlreadyRunning(cause)) await remove([...ownFiles(spec.folder), spec.wire.localPath]);
      throw cause;
    });
    // QEMU makes it by the umask: for its owner alone already, but not with the plainest mode.
    if (spec.display === 'vnc') await chmod(screenSocket(spec.folder), 0o600);
    return takeOver(new QemuWork(machine, spec, spec.wire.localPath));
  }

  async adopt(spec: Pick<WorkSpec, 'name' | 'folder'>): Promise<RunningWork | undefined> {
    const machine = await Machine.attach(labelOf(spec.name), spec.folder);
    if (machine === undefined) return undefined;
    return takeOver(new QemuWork(machine, spec, await boundWire(machine.qmp)));
  }

  async isRunning(folder: string): Promise<boolean> {
    return (await workProcess(folder)) !== undefined;
  }

  async reap(folder: string): Promise<void> {
    await killHolder(folder, labelOf(path.basename(folder)));
    await remove(ownFiles(folder));
  }
}

function ownFiles(folder: string): string[] {
  return [PIDFILE, SOCKETS.qmp, SOCKETS.console, SOCKETS.screen].map((file) => path.join(folder, file));
}

function remove(files: readonly string[]): Promise<unknown> {
  return Promise.all(files.map((file) => rm(file, { force: true })));
}

function noFirmware(arch: Arch): VmgateError {
  const install = installLine(`UEFI firmware for ${arch}`);
  return VmgateError.of(errors.DRIVER_FIRMWARE_MISSING, { arch, searched: FIRMWARE[arch], install });
}

/** Link down before anything else is asked: whoever had the machine before may have left it up. */
async function takeOver(work: QemuWork): Promise<RunningWork> {
  try {
    await work.setLink(false);
    return work;
  } catch (cause) {
    await work.kill();
    throw cause;
  }
}

/** The socket QEMU bound for its end of the wire; it does not unlink it when it ends. */
async function boundWire(qmp: QmpClient): Promise<string | undefined> {
  const network = await qmp.execute('human-monitor-command', { 'command-line': 'info network' }).catch(() => '');
  const wire = parseInfoNetwork(String(network))?.find(({ id }) => id === WORK_NETDEV);
  return /^udp=(\/[^:]+):\/[^:]+$/.exec(wire?.detail ?? '')?.[1];
}

class QemuWork implements RunningWork {
  readonly pid: number;
  readonly ended: Promise<ProcessEnd>;
  readonly consolePath: string;
  readonly #machine: Machine;
  readonly #name: string;
  /** Removed with the machine. */
  readonly #sockets: readonly string[];

  constructor(machine: Machine, { name, folder }: Pick<WorkSpec, 'name' | 'folder'>, wire: string | undefined) {
    const own = ownFiles(folder);
    this.pid = machine.pid;
    this.ended = machine.ended;
    this.consolePath = consoleSocket(folder);
    this.#machine = machine;
    this.#name = name;
    this.#sockets = wire === undefined ? own : [...own, wire];
  }

  facts(): Promise<MachineFacts> {
    return readFacts(this.#machine.qmp, this.#name);
  }

  setLink(up: boolean): Promise<void> {
    return this.#setLink(up);
  }

  async resume(): Promise<void> {
    await this.#machine.qmp.execute('cont');
  }

  /**
   * Link down first: a stopped VM with its netdev up makes the gateway's QEMU spin once its queue is full. In one breath:
   * an order to resume that is given meanwhile comes after both.
   */
  async pause(): Promise<void> {
    await Promise.all([this.setLink(false), this.#machine.qmp.execute('stop')]);
  }

  /** QEMU would follow a link and write into what is there: the file is made here, for nobody but us, and must be new. */
  async screenshot(file: string): Promise<void> {
    await writeFile(file, '', { flag: 'wx', mode: 0o600 });
    await this.#machine.qmp.execute('screendump', { filename: file, format: 'png' }, SCREENSHOT_MS);
  }

  async powerDown(): Promise<void> {
    await this.#machine.qmp.execute('system_powerdown');
  }

  async kill(): Promise<void> {
    // So that nothing it already queued goes out; one that hangs or is gone sends nothing after SIGKILL anyway.
    await this.#setLink(false, LAST_WORDS_MS).catch(() => {});
    await this.#machine.kill();
    await remove(this.#sockets);
  }

  release(): void {
    this.#machine.release();
  }

  async #setLink(up: boolean, timeoutMs?: number): Promise<void> {
    await this.#machine.qmp.execute('set_link', { name: WORK_NETDEV, up }, timeoutMs);
  }
}

function labelOf(name: string): string {
  return `work VM ${name}`;
}
