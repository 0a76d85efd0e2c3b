/**
 * Logins that `docker login` and its credential helpers keep. They are looked up by the exact host: a match of any other
 * kind has sent passwords to `registry.example.com.attacker.test` before.
 */
import { open } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import * as z from 'zod';
import { VmgateError } from '../core/coded.ts';
import { complaintOf, errnoOf, messageOf, parseJson, type Run } from '../host/index.ts';
import { errors } from './codes.ts';

export interface Login {
  readonly username: string;
  readonly password: string;
}

const MAX_CONFIG = 1_048_576;
const MAX_ANSWER = 65_536;
const HELPER_MS = 60_000;

const helperName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, 'is no name of a credential helper');
const config = z.object({
  auths: z.record(z.string(), z.object({ auth: z.string().optional() })).optional(),
  credHelpers: z.record(z.string(), helperName).optional(),
  credsStore: helperName.optional(),
});
const answer = z.object({ Username: z.string(), Secret: z.string() });

/** `DOCKER_CONFIG` or `~/.docker`. */
export function dockerConfigFile(env: NodeJS.ProcessEnv = process.env): string {
  const { DOCKER_CONFIG: folder } = env;
  return path.join(folder === undefined || folder === '' ? path.join(os.homedir(), '.docker') : folder, 'config.json');
}

/**
 * The login for `registry` (`HOST` or `HOST:PORT`), undefined where there is none. In docker's own order: the helper of
 * this host, the helper of all hosts, the file.
 *
 * @throws REGISTRY_CREDENTIALS_UNREADABLE, HOST_TOOL_MISSING
 */
export async function dockerLogin(file: string, registry: string, run: Run): Promise<Login | undefined> {
  const unreadable = (why: string) => VmgateError.of(errors.REGISTRY_CREDENTIALS_UNREADABLE, { place: file, why });
  const text = await readIfThere(file, unreadable);
  if (text === undefined) return undefined;
  const read = config.safeParse(parseJson(text));
  if (!read.success) throw unreadable(complaintOf(read.error));
  const { credHelpers = {}, credsStore, auths = {} } = read.data;
  const helper = entryOf(credHelpers, registry) ?? credsStore;
  if (helper !== undefined) return askHelper(helper, registry, run);
  const auth = entryOf(auths, registry)?.auth;
  if (auth === undefined || auth === '') return undefined;
  const [username = '', ...rest] = Buffer.from(auth, 'base64').toString('utf8').split(':');
  const password = rest.join(':').replace(/\0+$/, '');
  if (username === '' || password === '') throw unreadable(`its entry for ${registry} is no user:password in base64`);
  return { username, password };
}

/** Keys are `HOST`, or for old ones `https://HOST/v1/`. */
function entryOf<T>(entries: Readonly<Record<string, T>>, registry: string): T | undefined {
  const key = Object.keys(entries).find((name) => name.replace(/^https?:\/\//, '').replace(/\/.*$/, '') === registry);
  return key === undefined ? undefined : entries[key];
}

/** The protocol of docker-credential-helpers: the host on stdin, JSON on stdout; nothing known is status 1 and a sentence. */
async function askHelper(helper: string, registry: string, run: Run): Promise<Login | undefined> {
  const tool = `docker-credential-${helper}`;
  const unreadable = (why: string) => VmgateError.of(errors.REGISTRY_CREDENTIALS_UNREADABLE, { place: tool, why });
  const said = await run({ tool, argv: ['get'], stdin: registry, timeoutMs: HELPER_MS, maxBytes: MAX_ANSWER });
  if (said.code === 1 && said.stdout.includes('credentials not found')) return undefined;
  if (said.code !== 0) throw unreadable(`it ended with status ${said.code ?? said.signal ?? 'unknown'}`);
  const read = answer.safeParse(parseJson(said.stdout));
  // Its words may hold the secret: they are not shown.
  if (!read.success) throw unreadable('its answer is not what a credential helper says');
  const { Username: username, Secret: password } = read.data;
  if (username === '<token>') throw unreadable('it keeps an identity token, which vmgate cannot use');
  return username === '' || password === '' ? undefined : { username, password };
}

async function readIfThere(file: string, unreadable: (why: string) => VmgateError): Promise<string | undefined> {
  try {
    const handle = await open(file);
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAX_CONFIG + 1), 0, MAX_CONFIG + 1, 0);
      if (bytesRead > MAX_CONFIG) throw unreadable(`it is longer than ${MAX_CONFIG} bytes`);
      return buffer.subarray(0, bytesRead).toString('utf8');
    } finally {
      await handle.close();
    }
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT' || errnoOf(cause) === 'ENOTDIR') return undefined;
    throw VmgateError.is(cause) ? cause : unreadable(messageOf(cause));
  }
}
