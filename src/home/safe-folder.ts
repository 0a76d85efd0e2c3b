/**
 * Who could put something under our feet. Whoever can write a folder on the way to the home folder can swap what lies
 * below it: keys, sockets, images.
 */
import { lstatSync, readdirSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';

export interface FolderFacts {
  readonly uid: number;
  /** st_mode with the type bits. */
  readonly mode: number;
  readonly kind: 'folder' | 'link' | 'other';
}

export interface Objection {
  readonly folder: string;
  readonly why: string;
  /** What the user types. */
  readonly fix: string;
}

const STICKY = 0o1000;
const WRITABLE_BY_OTHERS = 0o022;

/**
 * Judges one step of the way. A sticky folder (/tmp) is safe to pass through: others cannot rename or remove what is
 * ours in it. Undefined: nothing against it.
 */
export function judgeStep(folder: string, facts: FolderFacts, me: number): Objection | undefined {
  if (facts.kind === 'other') return { folder, why: 'is not a folder', fix: 'set VMGATE_HOME to a folder of its own' };
  if (facts.uid !== me && facts.uid !== 0) {
    return {
      folder,
      why: `belongs to another user (uid ${facts.uid})`,
      fix: `run vmgate as that user, without sudo, or set VMGATE_HOME to a folder of your own`,
    };
  }
  const open = facts.kind === 'folder' && (facts.mode & WRITABLE_BY_OTHERS) !== 0 && (facts.mode & STICKY) === 0;
  return open ? { folder, why: 'can be written by other users', fix: `chmod go-w ${folder}` } : undefined;
}

/**
 * First objection against the way to `target`, as it is written and as it really is (symbolic links followed). Steps
 * that do not exist yet are passed over: they will be ours.
 */
export function objectionTo(target: string, me: number): Objection | undefined {
  return firstOf(stepsTo(target), me) ?? firstOf(stepsTo(realpathOfExisting(target)), me);
}

/**
 * Undefined: `target` is not there, empty, private already or a home of ours. Anything else would be taken away from
 * those who use it when it is made private: with `VMGATE_HOME=/tmp`, root would shut /tmp to everybody.
 */
export function foreignContent(target: string): Objection | undefined {
  const facts = statSync(target, { throwIfNoEntry: false });
  if (facts === undefined || !facts.isDirectory() || (facts.mode & 0o777) === 0o700) return undefined;
  const names = readdirSync(target);
  const isOurs = names.length === 0 || ['gates', 'images', 'keys', 'vpn'].some((name) => names.includes(name));
  if (isOurs && (facts.mode & STICKY) === 0) return undefined;
  const fix = `set VMGATE_HOME to a folder of its own, for example ${path.join(target, 'vmgate')}`;
  return { folder: target, why: "is another folder than vmgate's own, and open to others", fix };
}

function firstOf(steps: readonly string[], me: number): Objection | undefined {
  for (const step of steps) {
    for (const facts of factsOf(step)) {
      const objection = judgeStep(step, facts, me);
      if (objection !== undefined) return objection;
    }
  }
  return undefined;
}

/** `/`, `/home`, `/home/ann`, ... */
function stepsTo(target: string): readonly string[] {
  const parts = target.split(path.sep).filter((part) => part !== '');
  return ['/', ...parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`)];
}

/** A link is judged itself (its owner can point it elsewhere) and by where it leads. */
function factsOf(step: string): readonly FolderFacts[] {
  const own = lstatSync(step, { throwIfNoEntry: false });
  if (own === undefined) return [];
  if (!own.isSymbolicLink()) return [{ uid: own.uid, mode: own.mode, kind: own.isDirectory() ? 'folder' : 'other' }];
  const link: FolderFacts = { uid: own.uid, mode: own.mode, kind: 'link' };
  const behind = statSync(step, { throwIfNoEntry: false });
  if (behind === undefined) return [link];
  return [link, { uid: behind.uid, mode: behind.mode, kind: behind.isDirectory() ? 'folder' : 'other' }];
}

function realpathOfExisting(target: string): string {
  for (let step = target; ; step = path.dirname(step)) {
    if (lstatSync(step, { throwIfNoEntry: false }) === undefined) continue;
    return path.join(realpathSync(step), path.relative(step, target));
  }
}
