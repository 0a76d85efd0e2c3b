import { existsSync } from 'node:fs';
import path from 'node:path';
import { namedTemplates } from '../../config/index.ts';
import { VmgateError } from '../../core/coded.ts';
import { escapeLine } from '../../host/index.ts';
import { registryErrors } from '../../oci/index.ts';
import { type Command, type Context, flag, type Input } from '../command.ts';
import { agreed, YES_OPTION } from '../consent.ts';
import { takeWorkImages } from '../image/work-images.ts';
import { keepingFiles } from '../init/project-text.ts';
import { loadProject } from '../project-config.ts';
import { confirm, requireConfirmedFiles } from '../project-files.ts';
import { lockFileOf } from '../template/lock-file.ts';
import { lockedNames } from '../template/locked-names.ts';
import { diffToLocked, tellWhole } from '../template/review.ts';
import { recordTaken, type TakenTemplate, takeTemplate } from '../template/take.ts';
import { TOKEN_HOST } from '../template/transfer.ts';

export const templateUpdate: Command = {
  name: 'template update',
  group: 'Set up',
  about: 'take the version that a tag names now, after showing what it changes',
  kind: 'action',
  args: [{ name: 'REF', optional: true, several: true, about: 'all of vmgate.lock unless said' }],
  options: [
    YES_OPTION,
    { flags: '--locked', about: 'a tag that moved is an error; so it is where CI is set' },
    TOKEN_HOST,
  ],
  notes: ['vmgate.lock then names that version; a gate that is up takes it at the next vmgate up.'],
  examples: ['vmgate template update', 'vmgate template update registry.example.com/team/dev:3 --yes'],
  run: async (context, input) => {
    const updates: TakenTemplate[] = [];
    for (const name of await lockedNames(context, input, 'template update')) {
      const taken = await takeTemplate(context, input, name, 'update');
      if (taken.locked?.digest === taken.fetched.digest) continue;
      refuseWhereLocked(context, input, taken);
      tellWhole(context, taken, await diffToLocked(context, taken));
      updates.push(taken);
    }
    const templates = updates.map(({ written, locked, fetched }) => {
      return { reference: written, from: locked?.digest ?? null, to: fetched.digest };
    });
    if (updates.length === 0) {
      context.out.result({ updated: templates }, 'every tag names the locked version');
      return 0;
    }
    const unsaid = { what: 'whether the new version is to be used', flag: 'vmgate template update --yes' };
    if (!(await agreed(context, input, 'Use it from now on?', unsaid))) {
      context.out.result({ updated: [] }, 'nothing was changed');
      return 0;
    }
    await use(context, input, updates);
    const lines = templates.map(({ reference, to }) => `${escapeLine(reference)} is now ${to}`);
    context.out.result({ updated: templates }, [...lines, '  vmgate up   applies it'].join('\n'));
    return 0;
  },
};

/** @throws REGISTRY_LOCK_DRIFT */
function refuseWhereLocked(context: Context, input: Input, { written, locked, fetched }: TakenTemplate): void {
  if (!flag(input, 'locked') && !context.outside.isCi) return;
  const payload = { reference: written, locked: locked?.digest ?? 'nothing about it', found: fetched.digest };
  throw VmgateError.of(registryErrors.REGISTRY_LOCK_DRIFT, payload);
}

/** A vmgate.yaml that could not be read with it keeps its versions. @throws TRUST_PROJECT_UNCONFIRMED, CONFIG_*, TEMPLATE_* */
async function use(context: Context, input: Input, updates: readonly TakenTemplate[]): Promise<void> {
  const home = context.home();
  const isProject = existsSync(path.join(context.cwd, 'vmgate.yaml'));
  const named = isProject ? namedTemplates(context.cwd, home.root) : undefined;
  if (named !== undefined) await requireConfirmedFiles(home, named);
  await keepingFiles([lockFileOf(context.cwd), home.trusted], async () => {
    for (const each of updates) await recordTaken(context, each);
    if (named === undefined) return;
    await takeWorkImages(context, input, (await loadProject(context.cwd, home)).config);
    // Anew: an image that was taken is in vmgate.lock.
    await confirm(home, await loadProject(context.cwd, home));
  });
}
