/** Drivers: what runs the gateway and the work VMs. */
export type * from './driver.ts';
// For the lab's machine, which is neither gateway nor work VM.
export { common as machineArgv, kernel, PIDFILE, SOCKETS, serialConsole, server, wire } from './qemu/argv.ts';
export { QemuGatewayHost } from './qemu/gateway-host.ts';
export { Installation, KVM_NOT_PERMITTED, type Qemu, type QemuPrograms } from './qemu/installation.ts';
export { killHolder, Machine } from './qemu/machine.ts';
export { option } from './qemu/option.ts';
export { QmpClient } from './qemu/qmp.ts';
export { hasWindow, nativeToolkit, WINDOW_PACKAGE } from './qemu/window.ts';
export { consoleSocket, QemuWorkHost, screenSocket, workProcess } from './qemu/work-host.ts';
