/** A question before something that cannot be taken back: asked on a terminal, answered by `--yes`, refused otherwise. */
import { VmgateError } from '../core/coded.ts';
import { errors } from './codes.ts';
import { type Context, flag, type Input } from './command.ts';

export const YES_OPTION = { flags: '--yes', about: 'do not ask' } as const;

/** `unsaid`: what nobody said where there is no terminal, and the command line that says it. @throws CLI_ANSWER_NEEDED */
export async function agreed(
  context: Context,
  input: Input,
  question: string,
  unsaid: { readonly what: string; readonly flag: string },
): Promise<boolean> {
  if (flag(input, 'yes')) return true;
  if (!context.isInteractive) throw VmgateError.of(errors.CLI_ANSWER_NEEDED, unsaid);
  const { askYes } = await import('./init/questions.ts');
  return askYes(question, unsaid.flag.replace(/^vmgate | --yes$/g, ''));
}
