/** A viewer as a process: opened, waited for, ended with the VM. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { VmgateError } from '../core/coded.ts';
import { childEnvironment, messageOf } from '../host/index.ts';
import { errors } from './codes.ts';
import type { Door } from './door.ts';
import { connectionFile, socketViewerArgv, type Viewer } from './viewers.ts';

const LAST_MS = 3_000;
const SAID_BYTES = 4_096;

export interface ViewerStart {
  readonly name: string;
  /** Of the screen. */
  readonly socket: string;
  /** Where its window goes. */
  readonly desktop: Readonly<Record<string, string>>;
  /** For a viewer that knows no sockets. */
  readonly door: Door | undefined;
}

export interface OpenViewer {
  /** The person closed it. @throws VIEW_NOT_OPENED */
  readonly ended: Promise<void>;
  close(): Promise<void>;
}

export function openViewer(viewer: Viewer, { name, socket, desktop, door }: ViewerStart): OpenViewer {
  const { program, kind } = viewer;
  const folder = mkdtempSync(path.join(tmpdir(), 'vmgate-view-'));
  const child = spawn(program, [...argvOf()], {
    env: childEnvironment(desktop),
    shell: false,
    stdio: ['ignore', 'ignore', 'pipe'],
    // A group of its own: Ctrl-C is ours to hear.
    detached: true,
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = `${said}${chunk.toString('latin1')}`.slice(-SAID_BYTES);
  });
  let isClosing = false;
  const exited = new Promise<void>((resolve, reject) => {
    const failed = (why: string) => {
      const evidence = said.split('\n').filter((line) => line.trim() !== '');
      reject(VmgateError.of(errors.VIEW_NOT_OPENED, { viewer: program, why }, { evidence }));
    };
    child.once('error', (cause) => failed(messageOf(cause)));
    child.once('close', (code, signal) => {
      if (code === 0 || isClosing) return resolve();
      failed(code === null ? `it was ended by ${signal}` : `it ended with status ${code}`);
    });
  });
  // `open` ends at once and leaves the viewer behind: it has gone when its connection has.
  const ended = kind === 'typed' && door !== undefined ? exited.then(() => door.left) : exited;
  const settled = exited.catch(() => undefined);
  return {
    ended: ended.finally(() => rmSync(folder, { recursive: true, force: true })),
    close: async () => {
      isClosing = true;
      child.kill('SIGTERM');
      const patience = setTimeout(() => child.kill('SIGKILL'), LAST_MS);
      await settled;
      clearTimeout(patience);
      rmSync(folder, { recursive: true, force: true });
    },
  };

  function argvOf(): readonly string[] {
    if (kind === 'socket' || door === undefined) return socketViewerArgv(socket);
    if (kind === 'typed') return [`vnc://127.0.0.1:${door.port}`];
    const file = path.join(folder, 'screen.vv');
    writeFileSync(file, connectionFile(`${name} (vmgate)`, door.port, door.password), { mode: 0o600, flag: 'wx' });
    return [file];
  }
}
