/** A real gateway on QEMU, with this work tree's guest scripts over whatever image is at hand. */
import { mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type LinkPlan, planLinks } from '../../../src/core/link-plan.ts';
import { compileNft, type EgressPolicy, renderNft } from '../../../src/core/policy/index.ts';
import {
  type Arch,
  Installation,
  QemuGatewayHost,
  type RunningGateway,
  type UplinkAttachment,
} from '../../../src/drivers/index.ts';
import { bootSettings, type ControlCredentials, type GatewayControl, openControl } from '../../../src/gateway/index.ts';
import { homeRoot, layoutOf } from '../../../src/home/index.ts';
import { hostPlatform } from '../../../src/host/index.ts';
import { assembleBoot, buildImage, type CpioEntry, upToDateImage, writeCpio } from '../../../src/image/index.ts';

const ROOTFS = fileURLToPath(new URL('../../../provision/gateway/rootfs', import.meta.url));
const SLIRP = { kind: 'static', address: '10.0.2.15', prefixLength: 24, nextHop: '10.0.2.2' } as const;

export const plan: LinkPlan = planLinks(['dev'], SLIRP, [], 0x0bad);

/** What a gateway without a VPN lets through. */
export const bootPolicy: EgressPolicy = {
  uplink: { mac: plan.uplink.mac, address: SLIRP.address, nextHop: SLIRP.nextHop, dhcp: false },
  endpoints: [],
  links: [...plan.work, plan.probe],
  tunnel: undefined,
};

export interface Booted {
  readonly folder: string;
  readonly gateway: RunningGateway;
  readonly credentials: ControlCredentials;
  readonly bootId: string;
  stop(): Promise<void>;
}

export interface BootOptions {
  readonly links?: LinkPlan;
  readonly uplink?: UplinkAttachment;
  readonly files?: readonly CpioEntry[];
  readonly arch?: Arch;
  readonly installation?: Installation;
}

/** Starts the machine; whether it gets anywhere is for the caller to see. On slirp unless said. `files` replace its own. */
export async function bootGateway(
  bootRuleset = renderNft(compileNft(bootPolicy)),
  {
    links = plan,
    uplink = { kind: 'user' },
    files = [],
    arch = hostPlatform().arch,
    installation = new Installation(),
  }: BootOptions = {},
): Promise<Booted> {
  const { images } = layoutOf(homeRoot());
  await mkdir(images, { recursive: true, mode: 0o700 });
  const image =
    (await upToDateImage(images, 'gateway', arch)) ??
    (await buildImage('gateway', arch, { imagesFolder: images, cachedPackages: true }));
  const folder = await mkdtemp(path.join(os.tmpdir(), 'vmg-gw-'));
  const runFolder = path.join(folder, 'gw');
  await mkdir(runFolder, { mode: 0o700 });
  const { archive, bootId, credentials } = bootSettings(links, bootRuleset);
  const scripts = writeCpio([...(await filesOf(ROOTFS)), ...files]);
  const boot = await assembleBoot(image, ['base', 'wireguard'], Buffer.concat([scripts, archive]), runFolder);
  const wires = [...links.work, links.probe].map(({ ifname }) => ({
    ifname,
    gatewayPath: path.join(folder, `${ifname}.g`),
    guestPath: path.join(folder, `${ifname}.v`),
  }));
  const host = new QemuGatewayHost(installation);
  const machine = { runFolder, kernel: boot.kernel, initramfs: boot.initramfs, arch, memoryMiB: 160, cpus: 1 };
  const gateway = await host.boot({ ...machine, plan: links, uplink, wires });
  const stop = async () => {
    await gateway.kill();
    await rm(folder, { recursive: true, force: true });
  };
  return { folder, gateway, bootId, credentials, stop };
}

export function controlOf({ gateway, credentials }: Booted): Promise<GatewayControl> {
  const ended = new AbortController();
  void gateway.ended.then(({ detail }) => ended.abort(new Error(detail)));
  const openStream = () => gateway.openControl();
  return openControl({ openStream, credentials, withinMs: 120_000, signal: ended.signal });
}

async function filesOf(folder: string): Promise<CpioEntry[]> {
  const names = await readdir(folder, { recursive: true });
  const entries = await Promise.all(
    names.map(async (name): Promise<CpioEntry[]> => {
      const file = path.join(folder, name);
      const { mode } = await stat(file);
      const permissions = mode & 0o100 ? 0o755 : 0o644;
      const isFile = (await stat(file)).isFile();
      return isFile ? [{ path: name, type: 'file', mode: permissions, data: await readFile(file) }] : [];
    }),
  );
  return entries.flat();
}
