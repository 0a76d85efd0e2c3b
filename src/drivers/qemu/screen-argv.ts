/** The part of a work VM's command line that makes its screen. */
import path from 'node:path';
import { SCREEN_SOCKET, screenDevices } from '../../core/definition.ts';
import type { WorkSpec } from '../driver.ts';
import { option } from './option.ts';

/** In what QEMU draws a window of its own: on Linux, on macOS. */
export type WindowToolkit = 'gtk' | 'cocoa';

/**
 * `xres`, `yres`: the size the guest is told its screen has. VNC is the picture, keys and the pointer; what a viewer puts
 * into its clipboard ends in QEMU, for no device of the guest would take it. `force-shared`: a second viewer does not
 * throw the first one out.
 */
export function screen(spec: WorkSpec): string[] {
  const size = { id: 'screen', ...SCREEN_SIZE };
  const devices = screenDevices(spec).flatMap((model) => ['-device', option(model, IDS[model] ?? size)]);
  if (spec.display !== 'vnc') return devices;
  const socket = path.join(spec.folder, SCREEN_SOCKET);
  return [...devices, '-vnc', option(`unix:${socket}`, { share: 'force-shared' })];
}
const SCREEN_SIZE = { xres: 1_280, yres: 800 } as const;
const IDS: Readonly<Record<string, { readonly id: string }>> = {
  'qemu-xhci': { id: 'usb' },
  'usb-kbd': { id: 'keyboard' },
  'usb-tablet': { id: 'tablet' },
  'virtio-keyboard-pci': { id: 'keyboard' },
  'virtio-tablet-pci': { id: 'tablet' },
};

/** A click on its close button must not be the end of the VM. */
export function ownWindow(toolkit: WindowToolkit = 'gtk'): string {
  return option(toolkit, toolkit === 'gtk' ? { 'window-close': 'off' } : {});
}
