import { formatReference, signArtifact } from '../../oci/index.ts';
import type { Command } from '../command.ts';
import { clientOptions, signerWith, TOKEN_HOST } from '../template/transfer.ts';

export const templateSign: Command = {
  name: 'template sign',
  group: 'Set up',
  about: 'sign a template that is in a registry',
  kind: 'action',
  args: [
    { name: 'REF', about: 'HOST/REPOSITORY:TAG, or better with the digest that you looked at' },
    { name: 'KEY', about: 'an SSH key: a file, or the .pub of one that an agent or a hardware key holds' },
  ],
  options: [TOKEN_HOST],
  notes: [
    'Look at it first: vmgate template pull shows what a template is made of, and --to writes it down.',
    'Any number of people may sign; one that the reader trusts is enough.',
  ],
  examples: ['vmgate template sign registry.example.com/team/dev:3 ~/.ssh/id_ed25519.pub'],
  run: async (context, input) => {
    const [written = '', key = ''] = input.args;
    const options = clientOptions(context, input);
    const { reference, signer, isNew } = await signArtifact(written, signerWith(context, key), options);
    context.out.transient('');
    const shown = formatReference(reference);
    const line = `vmgate init ${shown} --signer ${signer.fingerprint}`;
    context.out.result(
      { reference: shown, digest: reference.digest, signer: signer.fingerprint, already: !isNew, line },
      `${shown} ${isNew ? 'is now signed' : 'was signed already'} by ${signer.fingerprint}\n  ${line}`,
    );
    return 0;
  },
};
