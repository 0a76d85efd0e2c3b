/**
 * A lock between processes that a power cut, a kill -9 or a reboot never leaves behind, and that a sleeping laptop or a
 * stopped holder never loses.
 *
 * A lock is a folder of claims. A claimant first writes its claim under a name nobody else ever uses, then reads all
 * claims, sweeps out those of dead processes, and holds the lock only if it saw no other living one. Of two claimants
 * at least the later writer sees the other, so never both hold; the names are never reused, so sweeping cannot hit a
 * fresh claim (the race that taking over one lock file by rename has).
 */
import { randomBytes, randomInt } from 'node:crypto';
import { linkSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { VmgateError } from '../core/coded.ts';
import { machineProcesses, type ProcessIdentities } from '../host/index.ts';
import { errors } from './codes.ts';

export interface LockHolder {
  readonly pid: number;
  readonly bootId: string;
  /** Start time of the process, opaque. */
  readonly start: string;
}

export interface Lock {
  readonly holder: LockHolder;
  /** Synchronous, so that it works in an exit handler. Idempotent. */
  release(): void;
}

/** Two that claim in the same millisecond both step back; each waits a random while before it tries again. */
const ATTEMPTS = 20;

/**
 * Takes the lock or says who has it; never waits for a holder.
 *
 * @throws HOME_LOCKED
 */
export async function acquireLock(folder: string, processes: ProcessIdentities = machineProcesses): Promise<Lock> {
  const holder: LockHolder = {
    pid: process.pid,
    bootId: await processes.bootId(),
    start: (await processes.startOf(process.pid)) ?? '',
  };
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  let other: Claim | undefined;
  for (let attempt = 0; attempt < ATTEMPTS && other?.held !== true; attempt++) {
    if (attempt > 0) await sleep(randomInt(5, 40));
    const name = writeClaim(folder, holder);
    other = (await livingClaims(folder, processes)).find((claim) => claim.name !== name);
    if (other === undefined) return hold(folder, name, holder);
    removeClaim(folder, name);
  }
  throw VmgateError.of(errors.HOME_LOCKED, { what: folder, pid: other?.holder.pid ?? 0 });
}

/** The living holder, or undefined. A stopped process (SIGSTOP) lives. */
export async function readLock(
  folder: string,
  processes: ProcessIdentities = machineProcesses,
): Promise<LockHolder | undefined> {
  const claims = await livingClaims(folder, processes);
  return claims.find((claim) => claim.held)?.holder;
}

interface Claim {
  readonly name: string;
  readonly holder: LockHolder;
  readonly held: boolean;
}

/** Linked into place whole: nobody ever reads half a claim. What is not whole yet names its writer. */
function writeClaim(folder: string, holder: LockHolder): string {
  const name = randomBytes(8).toString('hex');
  const draft = path.join(folder, `${name}.${holder.pid}.draft`);
  writeFileSync(draft, JSON.stringify(holder), { flag: 'wx', mode: 0o600 });
  linkSync(draft, path.join(folder, `${name}.claim`));
  rmSync(draft);
  return name;
}

/** A second name beside the claim, not a rename: a reader of the folder could miss a file that is being renamed. */
function hold(folder: string, name: string, holder: LockHolder): Lock {
  linkSync(path.join(folder, `${name}.claim`), path.join(folder, `${name}.held`));
  return { holder, release: () => removeClaim(folder, name) };
}

function removeClaim(folder: string, name: string): void {
  for (const part of ['held', 'claim']) rmSync(path.join(folder, `${name}.${part}`), { force: true });
}

async function livingClaims(folder: string, processes: ProcessIdentities): Promise<readonly Claim[]> {
  const files = list(folder);
  await sweepDrafts(folder, files, processes);
  const living: Claim[] = [];
  for (const file of files.filter((entry) => entry.endsWith('.claim'))) {
    const name = file.slice(0, -'.claim'.length);
    const holder = readClaim(path.join(folder, file));
    if (holder === undefined) continue;
    if (await lives(holder, processes)) living.push({ name, holder, held: files.includes(`${name}.held`) });
    else removeClaim(folder, name);
  }
  return living;
}

/** Of writers that were killed at it. */
async function sweepDrafts(folder: string, files: readonly string[], processes: ProcessIdentities): Promise<void> {
  for (const file of files) {
    const [, pid] = /\.(\d{1,10})\.draft$/.exec(file) ?? [];
    if (pid === undefined || (await processes.startOf(Number(pid))) !== undefined) continue;
    rmSync(path.join(folder, file), { force: true });
  }
}

function list(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Undefined when it was released meanwhile. Garbage after a power cut is nobody's claim: pid 0 never lives. */
function readClaim(file: string): LockHolder | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
  const [, pid = '0', bootId = '', start = ''] =
    /^{"pid":(\d{1,10}),"bootId":"([^"]*)","start":"([^"]*)"}$/.exec(text) ?? [];
  return { pid: Number(pid), bootId, start };
}

async function lives(holder: LockHolder, processes: ProcessIdentities): Promise<boolean> {
  if (holder.pid <= 0 || holder.bootId !== (await processes.bootId())) return false;
  return (await processes.startOf(holder.pid)) === holder.start;
}
