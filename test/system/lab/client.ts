/** A stand-in for the gateway: a plain machine on the lab's network that defends nothing. */
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as z from 'zod';
import {
  type Installation,
  kernel,
  Machine,
  machineArgv,
  option,
  serialConsole,
  server,
  wire,
} from '../../../src/drivers/index.ts';
import { emptyFolder } from '../../../src/home/index.ts';
import { assembleBoot, type StoredImage, writeCpio } from '../../../src/image/index.ts';
import { LabAgent } from '../../../src/lab/agent.ts';
import type { Lab } from '../../../src/lab/index.ts';

const INIT = fileURLToPath(new URL('./client-init.sh', import.meta.url));
export const CLIENT_MAC = '52:54:01:00:00:01';

const ran = z.object({ ok: z.literal(true), status: z.int(), data: z.base64() });

export interface ClientStart {
  readonly folder: string;
  readonly lab: Lab;
  /** The lab's own: it has all that a client needs. */
  readonly image: StoredImage;
  readonly installation: Installation;
}

export class Client {
  readonly #machine: Machine;
  readonly #agent: LabAgent;
  readonly #folder: string;

  private constructor(machine: Machine, agent: LabAgent, folder: string) {
    this.#machine = machine;
    this.#agent = agent;
    this.#folder = folder;
  }

  static async start(start: ClientStart): Promise<Client> {
    const { folder, lab, image } = start;
    const { arch } = image.manifest;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const init = writeCpio([{ path: 'init', type: 'file', mode: 0o755, data: await readFile(INIT) }]);
    const boot = await assembleBoot(image, ['base'], init, folder);
    const qemu = await start.installation.find(arch);
    const argv = [
      ...machineArgv('lab-client', { arch, memoryMiB: 192, cpus: 1, hardware: 'virtio' }, folder, qemu),
      '-no-reboot',
      ...kernel(boot.kernel, boot.initramfs, `${serialConsole(arch)} quiet panic=-1 net.ifnames=0`),
      ...['-serial', `file:${path.join(folder, 'serial.log')}`],
      ...(lab.uplink.kind === 'wire'
        ? wire('up', lab.uplink.localPath, lab.uplink.remotePath)
        : [
            ...['-netdev', 'user,id=up,ipv6=off'],
            ...['-object', option('filter-dump', { id: 'witness', netdev: 'up', queue: 'rx', file: witness(lab) })],
          ]),
      ...['-device', option('virtio-net-pci', { netdev: 'up', mac: CLIENT_MAC, romfile: '' })],
      ...server('control', path.join(folder, 'control.sock')),
      ...['-device', 'virtio-serial-pci', '-device', 'virtserialport,chardev=control,name=vmgate.lab'],
    ];
    const machine = await Machine.launch({ ...qemu, label: 'the client', folder, argv });
    return new Client(machine, await LabAgent.connect(path.join(folder, 'control.sock')), folder);
  }

  /** Runs a shell line. */
  async run(line: string): Promise<{ readonly status: number; readonly output: string }> {
    const words = [Buffer.from(line).toString('base64')];
    const { status, data } = await this.#agent.ask(ran, 'run', words, { timeoutMs: 60_000 });
    return { status, output: Buffer.from(data, 'base64').toString('utf8').trim() };
  }

  async stop(): Promise<void> {
    this.#agent.close();
    await this.#machine.kill();
    await emptyFolder(this.#folder);
  }
}

function witness(lab: Lab): string {
  const file = lab.pass().witness;
  if (file === undefined) throw new Error('a lab on the wire is its own witness');
  return file;
}
