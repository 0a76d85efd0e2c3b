import path from 'node:path';
import { escapeLine } from '../../host/index.ts';
import { exportLayout, formatReference, parseReference } from '../../oci/index.ts';
import type { Command } from '../command.ts';
import { takeTemplate } from '../template/take.ts';
import { TOKEN_HOST } from '../template/transfer.ts';

export const templateExport: Command = {
  name: 'template export',
  group: 'Set up',
  about: 'write a signed template into a folder, for a USB stick, a share or a git repository',
  kind: 'action',
  args: [
    { name: 'REF', about: 'HOST/REPOSITORY:TAG; the locked version where vmgate.lock names one' },
    { name: 'FOLDER', about: 'made here; an OCI image layout' },
  ],
  options: [TOKEN_HOST],
  notes: ['With its signatures: whoever imports it judges them as if it had come from the registry.'],
  examples: ['vmgate template export registry.example.com/team/dev:3 /media/usb/dev'],
  run: async (context, input) => {
    const [written = '', folder = ''] = input.args;
    const { fetched, template } = await takeTemplate(context, input, written, 'keep');
    const { digest } = fetched;
    // One without a tag would be imported under no name.
    const reference = { ...parseReference(formatReference(fetched.reference)), digest };
    const bases = template.bases.filter(({ template: name }) => name.includes('/') && !name.startsWith('./'));
    const target = path.resolve(context.cwd, folder);
    await exportLayout(target, context.home().templates, { reference, bases: bases.map((base) => base.digest) });
    const shown = formatReference(reference);
    const line = `vmgate template import FOLDER --signer ${fetched.signer.fingerprint}`;
    context.out.result(
      { reference: shown, digest, folder: target, line },
      `${shown} is in ${escapeLine(target)}\n  ${line}`,
    );
    return 0;
  },
};
