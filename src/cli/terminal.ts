/** A work VM's serial line on the user's terminal: byte for byte, or escaped and one way. */
import net from 'node:net';
import { StringDecoder } from 'node:string_decoder';
import { VmgateError } from '../core/coded.ts';
import { errnoOf, escapeBlock, messageOf } from '../host/index.ts';
import { errors } from './codes.ts';
import type { Context } from './command.ts';

/** Ctrl-], as telnet and virsh have it. */
const DETACH = 0x1d;

/** Attributes, cursor, alternate screen, mouse and bracketed-paste modes a guest may have left behind: xterm's DECSTR first. */
const RESTORE = '\x1b[!p\x1b[0m\x1b[?25h\x1b[?1049l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?2004l';

/** Undefined when no machine has this socket. @throws CLI_CONSOLE_UNREACHABLE */
export function attach(path: string, name: string): Promise<net.Socket | undefined> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(path);
    socket.once('connect', () => resolve(socket));
    socket.once('error', (cause) => {
      const nobody = ['ENOENT', 'ECONNREFUSED'].includes(errnoOf(cause) ?? '');
      if (nobody) resolve(undefined);
      else reject(VmgateError.of(errors.CLI_CONSOLE_UNREACHABLE, { name, why: messageOf(cause) }, { cause }));
    });
  });
}

/** Until the detach key, the end of stdin or the end of the VM. */
export async function converse(socket: net.Socket, { outside, interrupted }: Context): Promise<void> {
  const { stdin, stdout } = outside;
  const isTerminal = stdin.isTTY === true;
  const onKeys = (keys: Buffer) => {
    const end = isTerminal ? keys.indexOf(DETACH) : -1;
    socket.write(end < 0 ? keys : keys.subarray(0, end));
    if (end >= 0) socket.end();
  };
  const onEnd = () => socket.end();
  const ended = closing(socket, interrupted);
  socket.on('data', (chunk) => stdout.write(chunk));
  stdin.on('data', onKeys).on('end', onEnd);
  if (isTerminal) stdin.setRawMode?.(true);
  try {
    await ended;
  } finally {
    stdin.off('data', onKeys).off('end', onEnd).pause();
    if (isTerminal) stdin.setRawMode?.(false);
    if (stdout.isTTY === true) stdout.write(RESTORE);
  }
}

/** Escaped, lines kept: a carriage return before a line feed is a serial line's habit and no trick. */
export async function watch(socket: net.Socket, { outside, interrupted }: Context): Promise<void> {
  const decoder = new StringDecoder('utf8');
  const ended = closing(socket, interrupted);
  socket.on('data', (chunk: Buffer) => {
    outside.stdout.write(escapeBlock(decoder.write(chunk).replaceAll('\r\n', '\n'), Number.POSITIVE_INFINITY));
  });
  await ended;
}

function closing(socket: net.Socket, interrupted: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    socket.once('close', () => resolve());
    socket.once('error', () => socket.destroy());
    socket.once('end', () => socket.destroy());
    interrupted.addEventListener('abort', () => socket.destroy(), { once: true });
  });
}
