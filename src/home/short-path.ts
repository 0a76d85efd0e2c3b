/**
 * A short name for a home folder whose socket paths would not fit sun_path. The kernel counts the bytes of the path it
 * is given, not of where links lead: a symbolic link in a private folder makes any home short, and nothing moves.
 */
import { createHash } from 'node:crypto';
import { lstatSync, mkdtempSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { VmgateError } from '../core/coded.ts';
import { errors } from './codes.ts';
import { MAX_SOCKET_PATH } from './layout.ts';

/** Most characters of a gate's or work VM's name; the configuration holds names to it. */
export const MAX_NAME = 24;

/** The deepest socket: a work VM's console. */
const DEEPEST_SOCKET = `/gates/${'x'.repeat(MAX_NAME)}/vm/${'x'.repeat(MAX_NAME)}/console.sock`;

/** Longest path of a socket under `root`, in bytes. */
export function longestSocketPath(root: string): number {
  return Buffer.byteLength(root) + DEEPEST_SOCKET.length;
}

/** `root` itself where socket paths fit, else a link to it. @throws HOME_SOCKET_PATH_TOO_LONG */
export function shortNameOf(root: string, runtimeFolder: string | undefined, me: number): string {
  if (longestSocketPath(root) <= MAX_SOCKET_PATH) return root;
  const name = inRuntimeFolder(root, runtimeFolder, me) ?? inFreshFolder(root, me);
  const bytes = longestSocketPath(name);
  if (bytes > MAX_SOCKET_PATH) {
    throw VmgateError.of(errors.HOME_SOCKET_PATH_TOO_LONG, { folder: root, bytes, most: MAX_SOCKET_PATH });
  }
  return name;
}

/** XDG_RUNTIME_DIR is one user's own folder: there a predictable name cannot be taken by somebody else. */
function inRuntimeFolder(root: string, folder: string | undefined, me: number): string | undefined {
  if (folder === undefined || !path.isAbsolute(folder) || !isPrivate(folder, me)) return undefined;
  const link = path.join(folder, `vg-${createHash('sha256').update(root).digest('hex').slice(0, 6)}`);
  if (longestSocketPath(link) > MAX_SOCKET_PATH) return undefined;
  return makeLink(root, link) ? link : undefined;
}

/** /tmp, not TMPDIR: on macOS that alone is 49 bytes. The folder's name is remembered in the home folder. */
function inFreshFolder(root: string, me: number): string {
  const record = path.join(root, 'short-path');
  const known = readRecord(record);
  if (known !== undefined && isPrivate(path.dirname(known), me) && leadsTo(known, root)) return known;
  const link = path.join(mkdtempSync('/tmp/vg-'), 'h');
  makeLink(root, link);
  writeFileSync(record, link, { mode: 0o600 });
  return link;
}

function readRecord(record: string): string | undefined {
  try {
    return readFileSync(record, 'utf8').trim();
  } catch {
    return undefined;
  }
}

function makeLink(root: string, link: string): boolean {
  try {
    symlinkSync(root, link);
    return true;
  } catch {
    return leadsTo(link, root);
  }
}

function leadsTo(link: string, root: string): boolean {
  try {
    return readlinkSync(link) === root;
  } catch {
    return false;
  }
}

function isPrivate(folder: string, me: number): boolean {
  const facts = lstatSync(folder, { throwIfNoEntry: false });
  return facts?.isDirectory() === true && facts.uid === me && (facts.mode & 0o077) === 0;
}
