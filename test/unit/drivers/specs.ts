/** Specifications the driver tests share: realistic, nothing touched on disk. */
import { planLinks } from '../../../src/core/link-plan.ts';
import type { GatewayBoot, WorkSpec } from '../../../src/drivers/driver.ts';

export function gatewayBoot(
  changes: Partial<GatewayBoot> & { readonly workVms?: readonly string[] } = {},
): GatewayBoot {
  const { workVms = ['web', 'bank'], ...rest } = changes;
  const addressing = { kind: 'static', address: '10.0.2.15', prefixLength: 24, nextHop: '10.0.2.2' } as const;
  const plan = planLinks(workVms, addressing, [], 0x0007);
  return {
    runFolder: '/home/ada/.vmgate/gates/default/gw',
    kernel: '/home/ada/.vmgate/gates/default/gw/kernel',
    initramfs: '/home/ada/.vmgate/gates/default/gw/initramfs',
    arch: 'amd64',
    memoryMiB: 160,
    cpus: 1,
    plan,
    uplink: { kind: 'user' },
    wires: [...plan.work, plan.probe].map(({ ifname }) => ({
      ifname,
      gatewayPath: `/home/ada/.vmgate/gates/default/w/${ifname}.g`,
      guestPath: `/home/ada/.vmgate/gates/default/w/${ifname}.v`,
    })),
    ...rest,
  };
}

export const DISK = {
  kind: 'disk',
  overlay: '/home/ada/.vmgate/gates/default/vm/web/disk.qcow2',
  base: { path: '/home/ada/vms/acme, old.qcow2', format: 'qcow2' },
} as const;

export const SEEDED = { ...DISK, seed: '/home/ada/.vmgate/gates/default/vm/web/seed.iso' } as const;

export const KERNEL = {
  kind: 'kernel',
  kernel: '/home/ada/.vmgate/images/tiny/kernel',
  initramfs: '/home/ada/.vmgate/images/tiny/base.cpio.gz',
  append: 'console=ttyS0 quiet',
} as const;

export function workSpec(changes: Partial<WorkSpec> = {}): WorkSpec {
  return {
    name: 'web',
    folder: '/home/ada/.vmgate/gates/default/vm/web',
    arch: 'amd64',
    memoryMiB: 1_024,
    cpus: 2,
    hardware: 'virtio',
    firmware: 'bios',
    display: 'none',
    mac: '52:54:20:00:07:00',
    wire: {
      localPath: '/home/ada/.vmgate/gates/default/w/work0.v',
      remotePath: '/home/ada/.vmgate/gates/default/w/work0.g',
    },
    boot: DISK,
    ...changes,
  };
}
