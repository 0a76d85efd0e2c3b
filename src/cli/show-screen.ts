/** A running work VM's screen in front of a person: by a viewer of this machine, or by an address and a password. */
import { setTimeout as delay } from 'node:timers/promises';
import { VmgateError } from '../core/coded.ts';
import { workProcess } from '../drivers/index.ts';
import { desktopEnvironment, installLine } from '../host/index.ts';
import { chooseViewer, type Door, openDoor, openViewer, type Viewer, viewErrors, viewersOf } from '../view/index.ts';
import type { Context } from './command.ts';
import type { Shown } from './commands/view.ts';
import { noticesOf } from './listening.ts';

const LOOK_MS = 1_000;
/** For a viewer that ends by itself when the VM does. */
const LAST_MS = 2_000;

/**
 * Until the viewer is closed, the VM ends, or Ctrl-C.
 *
 * @returns the exit code
 * @throws VIEW_NO_VIEWER, VIEW_NO_DESKTOP, VIEW_NOT_OPENED
 */
export async function show(context: Context, shown: Shown): Promise<number> {
  const viewer = shown.isPrinted ? undefined : await viewerFor(context, shown);
  const door = viewer?.kind === 'socket' ? undefined : await doorTo(context, shown);
  const over = new AbortController();
  try {
    const ended = endOf(shown, over.signal);
    if (viewer === undefined || door !== undefined) tell(context, shown, viewer, door);
    if (viewer === undefined) return await until(context, ended);
    return await watched(context, shown, viewer, door, ended);
  } finally {
    over.abort();
    door?.close();
  }
}

async function watched(
  context: Context,
  { name, socket }: Shown,
  viewer: Viewer,
  door: Door | undefined,
  ended: Promise<void>,
): Promise<number> {
  const desktop = desktopEnvironment(context.outside.display) ?? {};
  const opened = openViewer(viewer, { name, socket, desktop, door });
  context.out.progress(`${viewer.program} shows ${name}; it ends with the VM, or with Ctrl-C`);
  try {
    const how = await Promise.race([
      opened.ended.then(() => 'closed' as const),
      ended.then(() => delay(LAST_MS, 'ended' as const)),
      aborted(context.interrupted).then(() => 'interrupted' as const),
    ]);
    if (how === 'interrupted') return 130;
    context.out.result({ name, viewer: viewer.program, how }, how === 'ended' ? `${name} has ended` : 'closed');
    return 0;
  } finally {
    await opened.close();
  }
}

async function until({ interrupted, out }: Context, ended: Promise<void>): Promise<number> {
  const isInterrupted = await Promise.race([ended.then(() => false), aborted(interrupted).then(() => true)]);
  if (isInterrupted) return 130;
  out.progress('the work VM has ended');
  return 0;
}

async function viewerFor({ outside }: Context, { name, socket }: Shown): Promise<Viewer> {
  if (desktopEnvironment(outside.display) === undefined) {
    throw VmgateError.of(viewErrors.VIEW_NO_DESKTOP, { name, socket });
  }
  const viewer = await chooseViewer();
  if (viewer !== undefined) return viewer;
  const install = installLine('vncviewer');
  throw VmgateError.of(viewErrors.VIEW_NO_VIEWER, { name, looked: viewersOf(), install });
}

function doorTo(context: Context, { name, socket }: Shown): Promise<Door> {
  return openDoor({ name, socket, onNotice: noticesOf(context) });
}

/** On a terminal for eyes alone, or as a script's result: never on a command line, and gone with this process. */
function tell({ out }: Context, { name, socket }: Shown, viewer: Viewer | undefined, door: Door | undefined): void {
  if (door === undefined) return;
  const { port, password } = door;
  const address = `vnc://127.0.0.1:${port}`;
  if (viewer?.kind === 'typed') out.progress(`password of this run: ${password}`);
  if (viewer !== undefined) return;
  const fields = { name, address: '127.0.0.1', port, password, socket };
  out.result(fields, `address   ${address}\npassword  ${password}\nsocket    ${socket}`);
  out.progress(
    'the socket needs no password and opens to you alone; the address is there until Ctrl-C or the end of the VM',
  );
}

/** By the lock that its QEMU holds: whoever starts or stops it. */
async function endOf({ folder }: Shown, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && (await workProcess(folder)) !== undefined) {
    await delay(LOOK_MS, undefined, { signal, ref: false }).catch(() => undefined);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
