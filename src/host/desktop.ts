/** The desktop of whoever started this process, if there is one. */
import { hostPlatform } from './platform.ts';

/** What a program needs to find the screen of X11 or Wayland, and to be let in. Wayland's is in XDG_RUNTIME_DIR. */
const NAMES = ['DISPLAY', 'XAUTHORITY', 'WAYLAND_DISPLAY'] as const;

/**
 * For programs that open a window, beside what every child gets; undefined where there is no desktop to open it on. On
 * macOS a window needs nothing of the environment.
 */
export function desktopEnvironment(
  env: NodeJS.ProcessEnv = process.env,
  os: 'linux' | 'macos' = hostPlatform().os,
): Readonly<Record<string, string>> | undefined {
  if (os === 'macos') return {};
  const found = NAMES.flatMap((name) => {
    const value = env[name];
    return value === undefined || value === '' ? [] : [[name, value] as const];
  });
  if (!found.some(([name]) => name !== 'XAUTHORITY')) return undefined;
  return Object.fromEntries(found);
}
