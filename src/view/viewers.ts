/** Which VNC viewer of this machine is used, and what it is told. A password never stands on a command line. */
import { findTool, hostPlatform, type Run, run } from '../host/index.ts';

/** How a viewer gets to the screen: by its socket, or by a port that asks for a password. */
export type Viewer =
  | { readonly kind: 'socket'; readonly program: string }
  | { readonly kind: 'file'; readonly program: string }
  | { readonly kind: 'typed'; readonly program: string };

/** In the order of preference; for texts. */
export function viewersOf(os: 'linux' | 'macos' = hostPlatform().os): readonly string[] {
  return os === 'macos' ? ['vncviewer', 'remote-viewer', 'open'] : ['xtigervncviewer', 'vncviewer', 'remote-viewer'];
}

/**
 * TigerVNC's opens sockets; others go by that name too, and would take a path for a host. remote-viewer reads address and
 * password from a file. macOS has Screen Sharing, which asks for the password.
 */
export async function chooseViewer(
  os: 'linux' | 'macos' = hostPlatform().os,
  find: typeof findTool = findTool,
  runTool: Run = run,
): Promise<Viewer | undefined> {
  for (const name of viewersOf(os)) {
    const program = find(name);
    if (program === undefined) continue;
    if (name === 'remote-viewer') return { kind: 'file', program };
    if (name === 'open') return { kind: 'typed', program };
    if (await isTigerVnc(program, runTool)) return { kind: 'socket', program };
  }
  return undefined;
}

async function isTigerVnc(program: string, runTool: Run): Promise<boolean> {
  const { stdout, stderr } = await runTool({ tool: program, argv: ['--version'], timeoutMs: 10_000 });
  return `${stdout}${stderr}`.includes('TigerVNC');
}

/**
 * The clipboard stays here: nothing in the VM would take it, and QEMU has no business with it. No questions at its end:
 * it ends when the VM does.
 */
export function socketViewerArgv(socket: string): readonly string[] {
  return [
    ...['-SendClipboard=0', '-AcceptClipboard=0', '-SendPrimary=0', '-SetPrimary=0'],
    ...['-Shared=1', '-ReconnectOnError=0', '-AlertOnFatalError=0', '-RemoteResize=0'],
    socket,
  ];
}

/** remote-viewer(1), connection file; it removes the file once it has read it. */
export function connectionFile(title: string, port: number, password: string): string {
  return [
    '[virt-viewer]',
    'type=vnc',
    'host=127.0.0.1',
    `port=${port}`,
    `password=${password}`,
    `title=${title}`,
    'enable-usbredir=0',
    'delete-this-file=1',
    '',
  ].join('\n');
}
