/** What `apt-cache policy` says of packages: which version is newer is apt's judgement, and only read here. */
import { WorkshopFailure } from './workshop.ts';

export interface KnownVersions {
  readonly installed: string;
  /** What apt would install: the same where it knows nothing newer. */
  readonly candidate: string;
  /** A newer one is in a suite of security updates. */
  readonly security: boolean;
  /** Some list has the package, in whatever version. */
  readonly listed: boolean;
}

/** deb-version(7), and a bound. */
export const VERSION = /^[0-9A-Za-z.+~:-]{1,200}$/;
/** The field Package in deb-control(5). */
export const NAME = /^[a-z0-9][a-z0-9+.-]{1,100}$/;

const HEAD = /^(\S+):$/;
const FIELD = /^ {2}(Installed|Candidate): (\S+)$/;
const IGNORED = /^ {2}(?:Version table|Package pin|Pin-Priority):/;
/** Ubuntu adds how far an update is rolled out. */
const ENTRY = /^ (\*\*\*| {3}) (\S+) -?\d+(?: \(phased \d+%\))?$/;
/** The priority takes four columns. */
const ORIGIN = /^ {7,}-?\d+ (\S.*)$/;
/** `http://HOST/debian-security trixie-security/main amd64 Packages` */
const SECURITY = /^\S+ \S+-security\/\S+ \S+ Packages$/;
const IN_A_LIST = / Packages$/;

interface Draft {
  installed?: string;
  candidate?: string;
  /** The version table above what is installed: apt sorts it, newest first. */
  newer: { readonly version: string; security: boolean }[];
  isPast: boolean;
  listed: boolean;
}

/**
 * @throws WorkshopFailure for any line that apt-cache(8) is not known to print: what is not understood is not guessed
 */
export function readPolicy(text: string): ReadonlyMap<string, KnownVersions> {
  const known = new Map<string, KnownVersions>();
  let name: string | undefined;
  let draft = empty();
  const finish = () => {
    if (name !== undefined) known.set(name, finished(name, draft));
  };
  for (const line of text.split('\n')) {
    if (line === '' || IGNORED.test(line)) continue;
    const [, head] = HEAD.exec(line) ?? [];
    if (head !== undefined) {
      finish();
      name = head;
      draft = empty();
    } else if (name === undefined || !take(draft, line)) throw strange(line);
  }
  finish();
  return known;
}

function empty(): Draft {
  return { newer: [], isPast: false, listed: false };
}

function take(draft: Draft, line: string): boolean {
  const [, field, value] = FIELD.exec(line) ?? [];
  if (field === 'Installed' && value !== undefined) draft.installed = value;
  else if (field === 'Candidate' && value !== undefined) draft.candidate = value;
  else return takeEntry(draft, line) || takeOrigin(draft, line);
  return VERSION.test(value) || value === '(none)';
}

function takeEntry(draft: Draft, line: string): boolean {
  const [, mark, version] = ENTRY.exec(line) ?? [];
  if (version === undefined || !VERSION.test(version)) return false;
  // A list may hold the installed version with other dependencies: apt then shows it twice, and it is not newer.
  if (mark === '***' || version === draft.installed) draft.isPast = true;
  if (!draft.isPast) draft.newer.push({ version, security: false });
  return true;
}

function takeOrigin(draft: Draft, line: string): boolean {
  const [, origin] = ORIGIN.exec(line) ?? [];
  if (origin === undefined) return false;
  if (IN_A_LIST.test(origin)) draft.listed = true;
  const last = draft.newer.at(-1);
  if (!draft.isPast && last !== undefined && SECURITY.test(origin)) last.security = true;
  return true;
}

function finished(name: string, { installed, candidate, newer, listed }: Draft): KnownVersions {
  if (installed === undefined || candidate === undefined) throw strange(`${name}: without a version`);
  return { installed, candidate, listed, security: newer.some(({ security }) => security) };
}

function strange(line: string): WorkshopFailure {
  return new WorkshopFailure('apt-cache policy says what is not understood', [line.slice(0, 200)]);
}
