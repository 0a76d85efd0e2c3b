/** Opening the home folder: everything vmgate keeps lies below it, so everything else relies on it being ours alone. */
import { accessSync, chmodSync, constants, existsSync, mkdirSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { VmgateError } from '../core/coded.ts';
import { errnoOf, messageOf } from '../host/index.ts';
import { errors } from './codes.ts';
import { type GateLayout, type HomeLayout, layoutOf } from './layout.ts';
import { foreignContent, objectionTo } from './safe-folder.ts';
import { shortNameOf } from './short-path.ts';

const PRIVATE = 0o700;

/**
 * Makes the home folder if need be and returns its layout. Sets this process's umask to 077. `VMGATE_HOME` or
 * `~/.vmgate`; a home too long for socket paths comes back under a short name that leads to it.
 *
 * @throws HOME_UNSAFE somebody else could change what lies there
 * @throws HOME_UNUSABLE it cannot be made or written
 * @throws HOME_SOCKET_PATH_TOO_LONG no short name could be made either
 */
export function openHome(env: NodeJS.ProcessEnv = process.env): HomeLayout {
  process.umask(0o077);
  const me = process.getuid?.() ?? 0;
  const { XDG_RUNTIME_DIR: runtimeFolder } = env;
  const root = homeRoot(env);
  const objection = usable(root, () => objectionTo(root, me) ?? foreignContent(root));
  if (objection !== undefined) throw VmgateError.of(errors.HOME_UNSAFE, { home: root, ...objection });
  usable(root, () => {
    makePrivate(root);
    accessSync(root, constants.W_OK | constants.X_OK);
  });
  const layout = layoutOf(usable(root, () => shortNameOf(root, runtimeFolder, me)));
  usable(root, () => {
    for (const folder of [layout.vpn, layout.images, layout.templates, layout.keys, layout.gates]) makePrivate(folder);
  });
  return layout;
}

/** Where the home folder is, untouched: for commands that only talk about it. */
export function homeRoot(env: NodeJS.ProcessEnv = process.env): string {
  const { VMGATE_HOME: asked } = env;
  return path.resolve(asked === undefined || asked === '' ? path.join(os.homedir(), '.vmgate') : asked);
}

/** Makes a gate's folders, 0700 each. Its lock is not taken. */
export function openGate(home: HomeLayout, name: string): GateLayout {
  const gate = home.gate(name);
  usable(gate.folder, () => {
    for (const folder of [gate.folder, gate.run, gate.wires, gate.evidence, gate.receipts]) makePrivate(folder);
  });
  return gate;
}

/** Others may have been able to read an older folder, never to write it: that was judged before. */
function makePrivate(folder: string): void {
  makeFolder(folder);
  if ((statSync(folder).mode & 0o777) !== PRIVATE) chmodSync(folder, PRIVATE);
}

/** Level by level: Node 20's own recursion never ends where the kernel refuses new names, as below /proc. */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(path.dirname(folder));
  try {
    mkdirSync(folder, { mode: PRIVATE });
  } catch (cause) {
    // Another process made it meanwhile.
    if (errnoOf(cause) !== 'EEXIST') throw cause;
  }
}

function usable<T>(folder: string, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    if (VmgateError.is(cause)) throw cause;
    throw VmgateError.of(errors.HOME_UNUSABLE, { folder, why: messageOf(cause) }, { cause });
  }
}
