import { describe, expect, test } from '@jest/globals';
import type { Run, RunRequest } from '../../../src/host/index.ts';
import { commandOf, showOn } from '../../../src/host/notify.ts';

const HOSTILE = '</b><a href="x">\u001b[2J"; do shell script "rm" -- $(reboot) `id`\nnext';
const hostile = { title: `vmgate: gate ${HOSTILE}`, body: HOSTILE, urgent: false };

describe('the command', () => {
  test('notify-send: options, an end of options, then two texts', () => {
    expect(commandOf('linux', { title: 'vmgate: gate a is open', body: 'Proven: 203.0.113.9', urgent: false })).toEqual(
      {
        tool: 'notify-send',
        argv: [
          '--app-name=vmgate',
          '--urgency=normal',
          '--expire-time=10000',
          '--',
          'vmgate: gate a is open',
          'Proven: 203.0.113.9',
        ],
      },
    );
    expect(commandOf('linux', { title: 't', body: 'b', urgent: true }).argv).toContain('--urgency=critical');
  });

  test('notify-send: it makes characters of what follows a backslash; none of a text’s own does', () => {
    const [body = ''] = commandOf('linux', { title: 't', body: 'a\\033[2J \u001b \\n', urgent: false }).argv.slice(-1);
    expect(body).toBe('a\\\\033[2J \\\\x1b \\\\n');
  });

  test('osascript: a fixed script, the texts as its arguments', () => {
    const { tool, argv } = commandOf('macos', hostile);
    expect(tool).toBe('osascript');
    expect(argv.slice(0, 6)).toEqual([
      '-e',
      'on run argv',
      '-e',
      'display notification (item 2 of argv) with title (item 1 of argv)',
      '-e',
      'end run',
    ]);
    expect(argv).toHaveLength(8);
  });

  test.each(['linux', 'macos'] as const)('%s: hostile text is one line, visible, bounded', (os) => {
    const { argv } = commandOf(os, { ...hostile, body: HOSTILE.repeat(100) });
    const [title = '', body = ''] = argv.slice(-2);
    for (const text of [title, body]) expect(text).not.toMatch(/\p{Cc}/u);
    expect(title.length).toBeLessThan(130);
    expect(body.length).toBeLessThan(400);
    // What a notification daemon would take for markup, and for a link.
    if (os === 'linux') expect(body).not.toMatch(/<|>|&(?!amp;|lt;|gt;)/);
    if (os === 'linux') expect(body).toContain('&lt;a href=');
  });
});

describe('showing', () => {
  const asked: RunRequest[] = [];
  const answering =
    (code: number, stderr = ''): Run =>
    async (request) => {
      asked.push(request);
      const rest = { signal: undefined, stdout: '', timedOut: false, aborted: false, overflowed: false };
      return { ...rest, code, stderr, durationMs: 1, argv: [] };
    };
  // A tool that every machine of a test has stands for the one that is asked for.
  const isInstalled = async () => (await import('../../../src/host/index.ts')).findTool('notify-send') !== undefined;

  test('never rejects, and says why it failed', async () => {
    const failing: Run = () => Promise.reject(new Error('no\u001b[2J'));
    const why = await showOn('linux', hostile, failing);
    expect(why).toBe((await isInstalled()) ? 'notify-send: no\\x1b[2J' : 'notify-send is not installed');
    const refused = await showOn('linux', hostile, answering(1, 'Cannot autolaunch D-Bus without X11 $DISPLAY\n'));
    expect(refused).toMatch(/D-Bus|not installed/);
    for (const { timeoutMs } of asked) expect(timeoutMs).toBeLessThanOrEqual(5_000);
  });
});
