import path from 'node:path';
import { VmgateError } from '../../core/coded.ts';
import { escapeLine } from '../../host/index.ts';
import { importLayout, parseReference, registryErrors } from '../../oci/index.ts';
import { trustErrors } from '../../trust/index.ts';
import type { Command } from '../command.ts';
import { isGit, withCheckout } from '../template/git.ts';
import { diffToLocked, tellWhole } from '../template/review.ts';
import { SIGNER_OPTION } from '../template/signer-option.ts';
import { recordTaken, takeTemplate } from '../template/take.ts';

export const templateImport: Command = {
  name: 'template import',
  group: 'Set up',
  about: 'take signed templates from a folder or a git repository, as if they came from their registry',
  kind: 'action',
  args: [{ name: 'FROM', about: 'what vmgate template export wrote: a folder, or git+URL[#REVISION[:FOLDER]]' }],
  options: [SIGNER_OPTION],
  notes: [
    'The same digests, the same signatures, the same line in vmgate.lock; no registry is asked. Then: vmgate init REF',
    'Whose signatures count is said by vmgate.trust, or by --signer, which adds a line to it.',
  ],
  examples: [
    'vmgate template import /media/usb/dev --signer SHA256:kGxBo1lYfJ0rY1Vd6T3bL0CVJrT2kqYk3yZb8zqPq1c',
    'vmgate template import git+https://git.example.com/team/templates.git#main:dev',
  ],
  run: async (context, input) => {
    const [from = ''] = input.args;
    const store = context.home().templates;
    const named = isGit(from)
      ? await withCheckout(context, from, (folder) => importLayout(folder, store))
      : await importLayout(path.resolve(context.cwd, from), store);
    const templates: { reference: string; digest: string; signer: string; signerAdded: boolean }[] = [];
    for (const { name, digest } of named) {
      parseReference(name);
      const reference = `${name}@${digest}`;
      const taken = await takeTemplate(context, input, reference, 'update', { isOffline: true }).catch(
        (cause: unknown) => {
          throw orUnsigned(cause, reference);
        },
      );
      if (taken.locked?.digest !== digest) tellWhole(context, taken, await diffToLocked(context, taken));
      const signerAdded = await recordTaken(context, taken);
      templates.push({ reference: name, digest, signer: taken.fetched.signer.fingerprint, signerAdded });
    }
    const lines = templates.map(
      ({ reference, digest, signer }) => `${escapeLine(reference)}, ${digest}, signed by ${signer}`,
    );
    const next = templates.map(({ reference }) => `  vmgate init ${escapeLine(reference)}`);
    context.out.result({ templates }, [...lines, ...next].join('\n'));
    return 0;
  },
};

/** All of it is here by now, but what was not there. */
function orUnsigned(cause: unknown, reference: string): unknown {
  const isMissing = VmgateError.is(cause) && cause.code === registryErrors.REGISTRY_NOT_HERE.code;
  return isMissing ? VmgateError.of(trustErrors.TRUST_TEMPLATE_UNSIGNED, { reference }) : cause;
}
