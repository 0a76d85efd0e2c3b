/** The folder a driver test works in, the specifications it uses, and the machines it must not leave behind. */
import { copyFile, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { planLinks } from '../../../src/core/link-plan.ts';
import type {
  GatewayBoot,
  GatewayHost,
  RunningGateway,
  RunningWork,
  WorkHost,
  WorkSpec,
} from '../../../src/drivers/driver.ts';
import { tinyKernel } from './tiny-kernel.ts';

export class Stand {
  readonly root: string;
  readonly #ends: (() => Promise<void>)[] = [];

  private constructor(root: string) {
    this.root = root;
  }

  static async build(): Promise<Stand> {
    const root = await realpath(await mkdtemp(path.join(os.tmpdir(), 'vmg-')));
    for (const folder of ['gw', 'w', 'web', 'bank']) await mkdir(path.join(root, folder), { mode: 0o700 });
    await writeFile(path.join(root, 'kernel'), tinyKernel());
    await writeFile(path.join(root, 'initramfs'), Buffer.alloc(1_024));
    return new Stand(root);
  }

  async clear(): Promise<void> {
    for (const end of this.#ends.splice(0).reverse()) await end();
    await rm(this.root, { recursive: true, force: true });
  }

  at(...names: string[]): string {
    return path.join(this.root, ...names);
  }

  async boot(host: GatewayHost, spec: GatewayBoot): Promise<RunningGateway> {
    const gateway = await host.boot(spec);
    this.#ends.push(() => gateway.kill());
    return gateway;
  }

  async start(host: WorkHost, spec: WorkSpec): Promise<RunningWork> {
    const work = await host.start(spec);
    this.#ends.push(() => work.kill());
    return work;
  }

  async gatewaySpec(): Promise<GatewayBoot> {
    const runFolder = this.at('gw');
    const files = { kernel: path.join(runFolder, 'kernel'), initramfs: path.join(runFolder, 'initramfs') };
    await copyFile(this.at('kernel'), files.kernel);
    await copyFile(this.at('initramfs'), files.initramfs);
    const addressing = { kind: 'static', address: '10.0.2.15', prefixLength: 24, nextHop: '10.0.2.2' } as const;
    const plan = planLinks(['web'], addressing, [], 0x1234);
    return {
      runFolder,
      ...files,
      arch: 'amd64',
      memoryMiB: 32,
      cpus: 1,
      plan,
      uplink: { kind: 'user' },
      wires: [...plan.work, plan.probe].map(({ ifname }) => ({
        ifname,
        gatewayPath: this.wireTo(ifname).remotePath,
        guestPath: this.wireTo(ifname).localPath,
      })),
    };
  }

  workSpec(changes: Partial<WorkSpec> = {}): WorkSpec {
    return {
      name: 'web',
      folder: this.at('web'),
      arch: 'amd64',
      memoryMiB: 32,
      cpus: 1,
      hardware: 'virtio',
      firmware: 'bios',
      display: 'none',
      mac: '52:54:20:12:34:00',
      wire: this.wireTo('work0'),
      boot: { kind: 'kernel', kernel: this.at('kernel'), initramfs: this.at('initramfs'), append: '' },
      ...changes,
    };
  }

  wireTo(ifname: string): WorkSpec['wire'] {
    return { localPath: this.at('w', `${ifname}.v`), remotePath: this.at('w', `${ifname}.g`) };
  }
}
