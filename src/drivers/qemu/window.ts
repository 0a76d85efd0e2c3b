/** QEMU's own window: whether this QEMU has one, whether there is a desktop to open it on, and what it may know of that. */
import { VmgateError } from '../../core/coded.ts';
import { desktopEnvironment, hostPlatform, installLine, type Run, run } from '../../host/index.ts';
import { errors } from '../codes.ts';
import type { Qemu } from './installation.ts';
import type { WindowToolkit } from './screen-argv.ts';

/** For the tables of packages: Debian, Fedora and Arch ship QEMU's windows apart. */
export const WINDOW_PACKAGE = "QEMU's own window";

export interface Window {
  readonly toolkit: WindowToolkit;
  /** For the QEMU process alone. */
  readonly environment: Readonly<Record<string, string>>;
}

export function nativeToolkit(): WindowToolkit {
  return hostPlatform().os === 'macos' ? 'cocoa' : 'gtk';
}

/** Whether `binary` can open windows. Its list names what was built in and the modules that are installed. */
export async function hasWindow(binary: string, runTool: Run = run): Promise<boolean> {
  const { stdout } = await runTool({ tool: binary, argv: ['-display', 'help'], timeoutMs: 10_000 });
  return stdout.split('\n').some((line) => line.trim() === nativeToolkit());
}

/** @throws DRIVER_WINDOW_MISSING, DRIVER_NO_DESKTOP */
export async function requireWindow({ binary }: Pick<Qemu, 'binary'>, runTool: Run = run): Promise<Window> {
  const toolkit = nativeToolkit();
  if (!(await hasWindow(binary, runTool))) {
    throw VmgateError.of(errors.DRIVER_WINDOW_MISSING, { binary, toolkit, install: installLine(WINDOW_PACKAGE) });
  }
  const desktop = desktopEnvironment();
  if (desktop === undefined) throw VmgateError.of(errors.DRIVER_NO_DESKTOP, { toolkit });
  return { toolkit, environment: { ...desktop, ...(toolkit === 'gtk' ? QUIET_GTK : {}) } };
}

/**
 * GTK starts helpers for accessibility, settings and virtual file systems, or looks for them on the session's bus. The
 * sandbox of a work VM's QEMU forbids new processes, and would kill it for the attempt.
 */
const QUIET_GTK = {
  NO_AT_BRIDGE: '1',
  GTK_A11Y: 'none',
  DBUS_SESSION_BUS_ADDRESS: 'disabled:',
  GIO_USE_VFS: 'local',
  GSETTINGS_BACKEND: 'memory',
} as const;
