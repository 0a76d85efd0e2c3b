/** Markdown made of the registry of codes. */
import { errorEntries, eventEntries } from '../../../src/codes.ts';
import type { ExitCode, FaultSource } from '../../../src/core/coded.ts';

/** Whose move it is, in words. */
const MOVE: Readonly<Record<FaultSource, string>> = {
  user: 'yours: what was typed or written',
  environment: "the machine's or the network's",
  vmgate: 'a defect of vmgate: please report it with `vmgate doctor --report`',
};

export const EXITS: Readonly<Record<ExitCode, string>> = {
  0: 'Done, or already so.',
  1: 'Internal error: a defect of vmgate.',
  2: 'Usage or configuration: what was typed or written is wrong. Nothing was done.',
  3: 'Something is missing on this machine.',
  4: 'Refused: not verified, not what was recorded, or a leak was found. Nothing was opened.',
  5: 'The hypervisor, or what runs in it, failed.',
  6: 'A template, a signature or a confirmation is missing or wrong.',
  7: 'A VM did not boot or answer in time.',
  130: 'Interrupted by Ctrl-C or SIGTERM, or cancelled; what was half-done is undone.',
};

/** One entry per error: what it says (on a sample), what to do, its exit code. */
export function troubleshooting(): string {
  return byRoom(errorEntries())
    .map(([room, entries]) => {
      const sections = entries.map(({ code, exit, source, what, remedy }) =>
        [
          `### ${code}`,
          '',
          `    error ${code}: ${what}`,
          '',
          `- What to do: ${inline(remedy)}`,
          `- Exit code: ${exit}. Whose move: ${MOVE[source]}.`,
          '',
        ].join('\n'),
      );
      return `## ${room}\n\n${sections.join('\n')}\n`;
    })
    .join('');
}

export function events(): string {
  return byRoom(eventEntries())
    .map(([room, entries]) => {
      const rows = entries.map(
        ({ code, level, text, sample }) =>
          `| \`${code}\` | ${level} | ${cell(text)} | \`${cell(JSON.stringify(sample))}\` |`,
      );
      return [
        '',
        `## ${room}`,
        '',
        '| code | level | text, on a sample | payload of the sample |',
        '|---|---|---|---|',
        ...rows,
        '',
      ].join('\n');
    })
    .join('');
}

export function exitCodes(): string {
  const rows = Object.entries(EXITS).map(([exit, meaning]) => {
    const codes = errorEntries().filter((entry) => String(entry.exit) === exit);
    const shown = codes.map(({ code }) => `[${code}](troubleshooting.md#${code.toLowerCase()})`).join(', ');
    return `| ${exit} | ${meaning} | ${shown} |`;
  });
  return ['| exit | meaning | errors |', '|---|---|---|', ...rows, ''].join('\n');
}

function byRoom<T extends { readonly room: string; readonly code: string }>(
  entries: readonly T[],
): readonly (readonly [string, readonly T[]])[] {
  const rooms = [...new Set(entries.map(({ room }) => room))].sort();
  return rooms.map((room) => [
    room,
    entries.filter((entry) => entry.room === room).toSorted((a, b) => (a.code < b.code ? -1 : 1)),
  ]);
}

/** Samples may hold pipes, angle brackets and asterisks, which Markdown would read as its own. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

function inline(text: string): string {
  return text.replaceAll(/[<>*_|]/g, (mark) => `\\${mark}`);
}
