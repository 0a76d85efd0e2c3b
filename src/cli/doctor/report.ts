/** The doctor's findings for people, and as a block to paste into a bug report: no names, no addresses, no folders. */
import { createHash } from 'node:crypto';
import os from 'node:os';
import { escapeLine } from '../../host/index.ts';
import { version } from '../version.ts';
import type { Finding } from './finding.ts';

const MARK: Readonly<Record<Finding['state'], string>> = { ok: 'ok   ', note: 'note ', wrong: 'WRONG' };
const INDENT = ' '.repeat(20);

export function findingsText(findings: readonly Finding[]): string {
  const lines = findings.flatMap(({ id, state, what, why, fix }) => [
    `${MARK[state]} ${id.padEnd(13)} ${escapeLine(what)}`,
    ...(why === '' ? [] : [`${INDENT}why: ${escapeLine(why)}`]),
    ...(fix === '' ? [] : [`${INDENT}fix: ${escapeLine(fix)}`]),
  ]);
  const count = findings.filter(({ state }) => state === 'wrong').length;
  const end = count === 0 ? 'nothing is wrong' : `${count} thing${count === 1 ? '' : 's'} to fix`;
  return [...lines, '', end].join('\n');
}

/** `names`: gates, profiles; each is shown as a digest, the same one throughout the report. */
export function pasteableReport(findings: readonly Finding[], names: readonly string[]): string {
  const rows = findings.map(({ id, state, what, code }) => {
    return `| ${id} | ${state} | ${code ?? hide(escapeLine(what), names).replaceAll('|', '\\|')} |`;
  });
  return [
    `vmgate ${version()}, Node ${process.versions.node}, ${os.platform()} ${os.release()} ${os.arch()}`,
    '',
    '| what | state | found |',
    '|---|---|---|',
    ...rows,
  ].join('\n');
}

/** Folders first: a path below the user's own says who it is. */
function hide(text: string, names: readonly string[]): string {
  const withoutFolders = text.replaceAll(/\/(?:home|Users|root|tmp|run\/user)\b[^\s,;|)]*/g, '(folder)');
  return names.reduce(
    (shown, name) => shown.replaceAll(new RegExp(`(?<![\\w-])${name}(?![\\w-])`, 'g'), alias(name)),
    withoutFolders,
  );
}

function alias(name: string): string {
  return `name-${createHash('sha256').update(name).digest('hex').slice(0, 6)}`;
}
