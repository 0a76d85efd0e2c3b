/**
 * Notifications on the user's desktop: notify-send(1) on Linux, osascript(1) on macOS. Texts are arguments, never part of
 * a script; what a notification daemon would read as markup is escaped (Desktop Notifications Specification, "Markup").
 */
import { messageOf } from './cause.ts';
import { escapeLine } from './escape.ts';
import { type HostPlatform, hostPlatform } from './platform.ts';
import { type Run, run } from './run.ts';
import { findTool } from './tools.ts';

export interface Notification {
  readonly title: string;
  readonly body: string;
  /** Stays until it is clicked away, where the desktop can do that. */
  readonly urgent: boolean;
}

/** Resolves to why it could not be shown, undefined when it was. Never rejects. */
export type Notify = (notification: Notification) => Promise<string | undefined>;

const MAX_TITLE = 100;
const MAX_BODY = 240;
const TIMEOUT_MS = 5_000;
const SHOWN_MS = 10_000;

/** The texts come as `argv` of the script: nothing in them is AppleScript. */
const APPLE_SCRIPT = [
  'on run argv',
  'display notification (item 2 of argv) with title (item 1 of argv)',
  'end run',
] as const;

export const notifyDesktop: Notify = (notification) => showOn(hostPlatform().os, notification, run);

/** @see notifyDesktop */
export async function showOn(
  os: HostPlatform['os'],
  notification: Notification,
  runTool: Run,
): Promise<string | undefined> {
  const { tool, argv } = commandOf(os, notification);
  if (findTool(tool) === undefined) return `${tool} is not installed`;
  try {
    const { code, stderr, timedOut } = await runTool({ tool, argv, timeoutMs: TIMEOUT_MS });
    if (code === 0) return undefined;
    const said = stderr.trim().split('\n').at(-1) ?? '';
    return escapeLine(
      timedOut ? `${tool} did not end` : `${tool}: ${said === '' ? `status ${code ?? '?'}` : said}`,
      200,
    );
  } catch (cause) {
    return escapeLine(`${tool}: ${messageOf(cause)}`, 200);
  }
}

/** The command that shows it. Pure. */
export function commandOf(
  os: HostPlatform['os'],
  { title, body, urgent }: Notification,
): { readonly tool: string; readonly argv: readonly string[] } {
  const said = [escapeLine(title, MAX_TITLE), escapeLine(body, MAX_BODY)] as const;
  if (os === 'macos') return { tool: 'osascript', argv: [...APPLE_SCRIPT.flatMap((line) => ['-e', line]), ...said] };
  const manner = ['--app-name=vmgate', `--urgency=${urgent ? 'critical' : 'normal'}`, `--expire-time=${SHOWN_MS}`];
  return { tool: 'notify-send', argv: [...manner, '--', said[0], plainBody(said[1])] };
}

/** notify-send makes characters of `\n` and `\033` in a body (g_strcompress), and daemons read the result as markup. */
function plainBody(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('\\', '\\\\');
}
