import { describe, expect, test } from '@jest/globals';
import type { Run } from '../../../src/host/index.ts';
import { chooseViewer, connectionFile, socketViewerArgv } from '../../../src/view/viewers.ts';

const finding =
  (...installed: readonly string[]) =>
  (name: string) =>
    installed.includes(name) ? `/usr/bin/${name}` : undefined;
const saying =
  (stderr: string): Run =>
  async () =>
    ({ code: 0, signal: null, stdout: '', stderr, timedOut: false, truncated: false }) as never;
const TIGER = saying('TigerVNC Viewer 64-bit v1.12.0');

describe('the viewer that is used', () => {
  test.each([
    ['TigerVNC by its own name', 'linux', ['xtigervncviewer', 'vncviewer'], 'socket', 'xtigervncviewer'],
    ['TigerVNC by the common name', 'linux', ['vncviewer', 'remote-viewer'], 'socket', 'vncviewer'],
    ['remote-viewer', 'linux', ['remote-viewer'], 'file', 'remote-viewer'],
    ['TigerVNC on macOS', 'macos', ['vncviewer', 'open'], 'socket', 'vncviewer'],
    ['Screen Sharing', 'macos', ['open'], 'typed', 'open'],
  ] as const)('%s', async (_, os, installed, kind, program) => {
    const viewer = await chooseViewer(os, finding(...installed), TIGER);
    expect(viewer).toEqual({ kind, program: `/usr/bin/${program}` });
  });

  test('is none that would take a socket for the name of a host', async () => {
    const other = saying('TightVNC Viewer version 1.3.10');
    await expect(chooseViewer('linux', finding('vncviewer'), other)).resolves.toBeUndefined();
    await expect(chooseViewer('linux', finding('vncviewer', 'remote-viewer'), other)).resolves.toMatchObject({
      kind: 'file',
    });
    await expect(chooseViewer('macos', finding('vncviewer', 'open'), other)).resolves.toMatchObject({ kind: 'typed' });
  });

  test('is none where none is installed', async () => {
    await expect(chooseViewer('linux', finding(), TIGER)).resolves.toBeUndefined();
  });
});

test('no clipboard goes either way, and no path is taken for an option', () => {
  const argv = socketViewerArgv('/h/screen.sock');
  expect(argv).toEqual(
    expect.arrayContaining(['-SendClipboard=0', '-AcceptClipboard=0', '-SendPrimary=0', '-SetPrimary=0']),
  );
  expect(argv.at(-1)).toBe('/h/screen.sock');
});

test('a connection file names the loopback, has the password, and goes once it is read', () => {
  const lines = connectionFile('web (vmgate)', 40_123, 'tw5k8n3q').split('\n');
  expect(lines).toEqual(
    expect.arrayContaining([
      '[virt-viewer]',
      'type=vnc',
      'host=127.0.0.1',
      'port=40123',
      'password=tw5k8n3q',
      'delete-this-file=1',
    ]),
  );
});
