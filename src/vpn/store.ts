/**
 * The profiles in the home folder: `vpn/<name>/profile.conf` (as the provider wrote it, 0600), `meta.json`, files that the
 * profile names (`beside/`) and the login its server asks for (`login.json`), all 0600.
 * A profile appears and disappears by one rename of its folder, so that half of one is never found.
 */
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { classifyAddress } from '../core/address-class.ts';
import { VmgateError } from '../core/coded.ts';
import { readPrivateFile, writeFileAtomic } from '../home/index.ts';
import { errnoOf } from '../host/index.ts';
import { errors } from './codes.ts';
import { MAX_DNS, type PlannedProfile, type ProfileLogin, type ProfileOptions } from './kind.ts';
import { detectKind, KIND_NAMES, type KindName, kindNamed } from './kinds.ts';
import { readCompanions, readSource } from './source.ts';
import { MAX_PROFILE } from './text.ts';

export interface StoredProfile extends PlannedProfile {
  readonly name: string;
  readonly addedAt: string;
  /** Path the profile was added from. */
  readonly source: string;
}

export interface AddOptions extends ProfileOptions {
  /** From `--kind`, whatever the profile looks like; absent: the profile's content tells. */
  readonly kind?: KindName | undefined;
}

/** What `vpn list` shows of a profile that can no longer be read: its name and why. */
export interface BrokenProfile {
  readonly name: string;
  readonly fault: VmgateError;
}

const meta = z.strictObject({
  version: z.literal(1),
  kind: z.enum(KIND_NAMES),
  addedAt: z.iso.datetime(),
  source: z.string().max(4_096),
  split: z.boolean(),
  dns: z.array(z.ipv4()).max(MAX_DNS),
});

const login = z.strictObject({ user: z.string().min(1).max(256), password: z.string().min(1).max(1_024) });

const PROFILE = 'profile.conf';
const LOGIN = 'login.json';
const BESIDE = 'beside';
const META = 'meta.json';
const MAX_META = 16_384;

/** rename(2) over a folder that is not empty fails: the name was taken, perhaps a moment ago. */
const TAKEN: readonly (string | undefined)[] = ['ENOTEMPTY', 'EEXIST', 'ENOTDIR'];

/** 1 to 32 characters: the name becomes a folder, a gate's label and part of an event. */
export function isProfileName(name: string): boolean {
  return /^[a-z0-9][a-z0-9-]{0,31}$/.test(name);
}

/**
 * Checks the profile in `source` and keeps a copy. `exempt` is the lab's exception to the address classes.
 *
 * @throws VPN_NAME_INVALID, VPN_NAME_TAKEN, VPN_PROFILE_UNREADABLE, VPN_ENDPOINT_FORBIDDEN, VPN_KIND_UNCLEAR, everything of the kind's `plan`
 */
export async function addProfile(
  vpnFolder: string,
  name: string,
  source: string,
  { kind: asked, ...options }: AddOptions,
  exempt?: (address: string) => boolean,
): Promise<StoredProfile> {
  checkName(name);
  return keepProfile(vpnFolder, name, await readSource(source), source, { kind: asked, ...options }, exempt);
}

/** {@link addProfile} for one that is in no file yet: `source` tells where it came from. */
export async function keepProfile(
  vpnFolder: string,
  name: string,
  bytes: Uint8Array,
  source: string,
  { kind: asked, ...options }: AddOptions,
  exempt?: (address: string) => boolean,
): Promise<StoredProfile> {
  checkName(name);
  const kind = asked ?? detectKind(bytes, source);
  const { loginMissing, label, reader } = kindNamed(kind);
  if (options.login !== undefined) {
    if (loginMissing === undefined) throw VmgateError.of(errors.VPN_LOGIN_UNUSED, { kind: label });
    if (!login.safeParse(options.login).success || /\p{Cc}/u.test(`${options.login.user}${options.login.password}`))
      throw VmgateError.of(errors.VPN_LOGIN_INVALID, {});
  }
  const { companions: namesBeside, plan } = await reader();
  const beside = await readCompanions(path.dirname(source), namesBeside(bytes, source));
  const planned = plan(bytes, source, options, (named) => beside.get(named));
  for (const { host } of [planned.plan.endpoint, ...planned.plan.alternatives]) refuseForbiddenLiteral(host, exempt);
  const addedAt = new Date().toISOString();
  const record: z.infer<typeof meta> = {
    version: 1,
    kind,
    addedAt,
    source,
    split: options.split,
    dns: [...options.dns],
  };
  await mkdir(vpnFolder, { recursive: true, mode: 0o700 });
  const fresh = await mkdtemp(path.join(vpnFolder, '.new-'));
  try {
    await writeFileAtomic(path.join(fresh, PROFILE), bytes);
    for (const [named, text] of beside) {
      await mkdir(path.join(fresh, BESIDE), { recursive: true, mode: 0o700 });
      if (text !== undefined) await writeFileAtomic(path.join(fresh, BESIDE, named), text);
    }
    if (options.login !== undefined) {
      await writeFileAtomic(path.join(fresh, LOGIN), `${JSON.stringify(options.login)}\n`);
    }
    await writeFileAtomic(path.join(fresh, META), `${JSON.stringify(record, undefined, 2)}\n`);
    await rename(fresh, path.join(vpnFolder, name));
  } catch (cause) {
    await rm(fresh, { recursive: true, force: true });
    if (TAKEN.includes(errnoOf(cause))) throw VmgateError.of(errors.VPN_NAME_TAKEN, { name }, { cause });
    throw cause;
  }
  return { ...planned, name, addedAt, source };
}

/** @throws VPN_NAME_INVALID, VPN_NAME_TAKEN */
export async function requireFreeName(vpnFolder: string, name: string): Promise<void> {
  checkName(name);
  if ((await profileNames(vpnFolder)).includes(name)) throw VmgateError.of(errors.VPN_NAME_TAKEN, { name });
}

/** @throws VPN_NAME_INVALID, VPN_UNKNOWN, VPN_STORED_DAMAGED, VPN_STORED_EXPOSED, everything of the kind's `plan` */
export async function loadProfile(vpnFolder: string, name: string): Promise<StoredProfile> {
  checkName(name);
  const bytes = await readStored(vpnFolder, name, PROFILE, MAX_PROFILE);
  const { kind, split, dns, addedAt, source } = parseMeta(name, await readStored(vpnFolder, name, META, MAX_META));
  const file = path.join(vpnFolder, name, PROFILE);
  const { companions, plan } = await kindNamed(kind).reader();
  const beside = new Map<string, string>();
  for (const named of companions(bytes, file)) {
    beside.set(named, (await readStored(vpnFolder, name, path.join(BESIDE, named), MAX_PROFILE)).toString('utf8'));
  }
  const options = { split, dns, login: await readLogin(vpnFolder, name) };
  return { ...plan(bytes, file, options, (named) => beside.get(named)), name, addedAt, source };
}

/** All profiles by name; a broken one does not hide the others. */
export async function listProfiles(vpnFolder: string): Promise<readonly (StoredProfile | BrokenProfile)[]> {
  const names = await profileNames(vpnFolder);
  return Promise.all(
    names.map((name) =>
      loadProfile(vpnFolder, name).catch((fault: unknown) => {
        if (VmgateError.is(fault)) return { name, fault };
        throw fault;
      }),
    ),
  );
}

/** Forgets the profile, broken or not. Whether a gate uses it is asked first, by `heldBy` (see in-use.ts). */
export async function removeProfile(
  vpnFolder: string,
  name: string,
  heldBy: (publicKey: string) => Promise<string | undefined>,
): Promise<void> {
  checkName(name);
  if (!(await profileNames(vpnFolder)).includes(name)) throw await unknownProfile(vpnFolder, name);
  const [profile] = (await listProfiles(vpnFolder)).filter((candidate) => candidate.name === name);
  const gate = profile !== undefined && 'publicKey' in profile ? await heldBy(profile.publicKey) : undefined;
  if (gate !== undefined) throw VmgateError.of(errors.VPN_IN_USE, { name, heldBy: gate });
  const grave = await mkdtemp(path.join(vpnFolder, '.gone-'));
  await rename(path.join(vpnFolder, name), path.join(grave, name));
  await rm(grave, { recursive: true, force: true });
}

function checkName(name: string): void {
  if (!isProfileName(name)) throw VmgateError.of(errors.VPN_NAME_INVALID, { name: name.slice(0, 80) });
}

async function unknownProfile(vpnFolder: string, name: string): Promise<VmgateError> {
  return VmgateError.of(errors.VPN_UNKNOWN, { name, known: (await profileNames(vpnFolder)).slice(0, 20) });
}

/** Resolved names are judged at each connect; an address that can never be dialled is refused at once. */
function refuseForbiddenLiteral(host: string, exempt?: (address: string) => boolean): void {
  const { admission, meaning } = classifyAddress(host);
  const literal = /^[\d.]+$/.test(host);
  if (!literal || admission !== 'forbidden' || exempt?.(host) === true) return;
  throw VmgateError.of(errors.VPN_ENDPOINT_FORBIDDEN, { host, address: host, meaning });
}

async function profileNames(vpnFolder: string): Promise<readonly string[]> {
  const entries = await readdir(vpnFolder, { withFileTypes: true }).catch((cause: unknown) => {
    if (errnoOf(cause) === 'ENOENT') return [];
    throw cause;
  });
  return entries
    .filter((entry) => entry.isDirectory() && isProfileName(entry.name))
    .map(({ name }) => name)
    .sort();
}

/** Undefined for a profile that was added without. */
async function readLogin(vpnFolder: string, name: string): Promise<ProfileLogin | undefined> {
  const bytes = await readPrivateFile(path.join(vpnFolder, name, LOGIN), MAX_META);
  if (bytes.state === 'missing') return undefined;
  try {
    return login.parse(JSON.parse((await readStored(vpnFolder, name, LOGIN, MAX_META)).toString('utf8')));
  } catch (cause) {
    if (VmgateError.is(cause)) throw cause;
    throw VmgateError.of(errors.VPN_STORED_DAMAGED, { name, reason: `${LOGIN} is not what vmgate wrote` }, { cause });
  }
}

async function readStored(vpnFolder: string, name: string, part: string, limit: number): Promise<Buffer> {
  const file = path.join(vpnFolder, name, part);
  const read = await readPrivateFile(file, limit);
  if (read.state === 'read') return read.content;
  if (read.state === 'exposed') throw VmgateError.of(errors.VPN_STORED_EXPOSED, { file, mode: read.mode });
  if (!(await profileNames(vpnFolder)).includes(name)) throw await unknownProfile(vpnFolder, name);
  const cause = read.state === 'unreadable' ? read.cause : undefined;
  throw VmgateError.of(errors.VPN_STORED_DAMAGED, { name, reason: `${part} cannot be read` }, { cause });
}

function parseMeta(name: string, bytes: Buffer): z.infer<typeof meta> {
  try {
    return meta.parse(JSON.parse(bytes.toString('utf8')));
  } catch (cause) {
    throw VmgateError.of(errors.VPN_STORED_DAMAGED, { name, reason: `${META} is not what vmgate wrote` }, { cause });
  }
}
