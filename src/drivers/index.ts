/** Drivers: what runs the gateway and the work VMs. */
export type * from './driver.ts';
export { QemuGatewayHost } from './qemu/gateway-host.ts';
export { Installation, type InstallationOptions, type Qemu } from './qemu/installation.ts';
export { QemuWorkHost } from './qemu/work-host.ts';
