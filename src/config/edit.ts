/**
 * Changes to the work VMs of a vmgate.yaml that keep its comments. What comes out is read back: it says what it said
 * before, with the one change, or nothing is written.
 */
import { isDeepStrictEqual } from 'node:util';
import { isMap, parseDocument } from 'yaml';
import { VmgateError } from '../core/coded.ts';
import { messageOf } from '../host/index.ts';
import { errors } from './codes.ts';
import type { ConfigFile } from './schema.ts';

/** One work VM as vmgate.yaml says it. */
export type WorkEntry = NonNullable<ConfigFile['work']>[string];

type Said = Readonly<Record<string, unknown>> & { readonly work?: Readonly<Record<string, unknown>> };
type YamlFile = ReturnType<typeof parseDocument>;

/** `text` with one more work VM, last. `entry` has only keys that are said. @throws CONFIG_NOT_EDITABLE */
export function withWorkVm(file: string, text: string, name: string, entry: WorkEntry): string {
  return edited(
    file,
    text,
    (document) => document.setIn(['work', name], document.createNode(entry)),
    (said) => ({ ...said, work: { ...said.work, [name]: entry } }),
  );
}

/** `text` with the work VM `to`, which says what `from` says. @throws CONFIG_NOT_EDITABLE */
export function withCopiedWorkVm(file: string, text: string, from: string, to: string): string {
  const found = (parseDocument(text).toJS() as Said).work?.[from];
  if (found === undefined) throw VmgateError.of(errors.CONFIG_NOT_EDITABLE, { file, why: `it does not name ${from}` });
  return withWorkVm(file, text, to, found as WorkEntry);
}

/** `text` without the work VM; as it is where it names none. @throws CONFIG_NOT_EDITABLE */
export function withoutWorkVm(file: string, text: string, name: string): string {
  if ((parseDocument(text).toJS() as Said).work?.[name] === undefined) return text;
  return edited(
    file,
    text,
    (document) => {
      document.deleteIn(['work', name]);
      const work = document.get('work');
      // `work: {}` written over several lines reads oddly; its absence means the same.
      if (isMap(work) && work.items.length === 0) document.delete('work');
    },
    (said) => {
      const work = Object.fromEntries(Object.entries(said.work ?? {}).filter(([key]) => key !== name));
      const { work: _, ...rest } = said;
      return Object.keys(work).length === 0 ? rest : { ...rest, work };
    },
  );
}

function edited(
  file: string,
  text: string,
  change: (document: YamlFile) => void,
  expected: (said: Said) => unknown,
): string {
  const refuse = (why: string, cause?: unknown) => VmgateError.of(errors.CONFIG_NOT_EDITABLE, { file, why }, { cause });
  let after: string;
  let want: unknown;
  try {
    const document = parseDocument(text);
    want = expected(document.toJS() as Said);
    change(document);
    after = document.toString({ lineWidth: 0 });
  } catch (cause) {
    // An anchor whose only definition was taken out, an alias in the place of a map.
    throw refuse(messageOf(cause), cause);
  }
  if (!isDeepStrictEqual(parseDocument(after).toJS(), want))
    throw refuse('the change would change more than it should');
  return after;
}
