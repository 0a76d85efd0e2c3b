import { formatReference, parseReference, publishTemplate, signArtifact } from '../../oci/index.ts';
import { loadTemplateFolder } from '../../template/index.ts';
import { type Command, text } from '../command.ts';
import { basesFrom } from '../template/bases.ts';
import { clientOptions, signerWith, TOKEN_HOST } from '../template/transfer.ts';
import { version } from '../version.ts';

export const templatePush: Command = {
  name: 'template push',
  group: 'Set up',
  about: 'send a template folder to a registry, and sign it',
  kind: 'action',
  args: [
    { name: 'REF', about: 'HOST/REPOSITORY:TAG' },
    { name: 'FOLDER', about: 'template.yaml and the files it names; hidden ones at its top are left out' },
  ],
  options: [
    { flags: '--sign <KEY>', about: 'an SSH key: a file, or the .pub of one that an agent or a hardware key holds' },
    TOKEN_HOST,
  ],
  notes: [
    'Judged first, as vmgate template validate does: what nobody could use, or holds a secret, is not sent.',
    'The login is the one of docker login. What the registry has already is not sent again.',
    'Nobody can pull a template that is not signed. What a key signs is its digest, which stands for every byte of it.',
  ],
  examples: ['vmgate template push registry.example.com/team/dev:3 ./dev --sign ~/.ssh/id_ed25519.pub'],
  run: async (context, input) => {
    const [written = '', folder = ''] = input.args;
    parseReference(written);
    const options = clientOptions(context, input);
    const bases = basesFrom({ ...options, store: context.home().templates });
    const { files, definition } = await loadTemplateFolder(context.cwd, folder, version(), bases);
    const { name, minimumVmgateVersion } = definition;
    const about = {
      version: 1,
      name,
      ...(minimumVmgateVersion === undefined ? {} : { minimumVmgateVersion }),
    } as const;
    const pushed = await publishTemplate(written, files, about, { ...options, nowMs: Date.now() });
    const reference = formatReference(pushed.reference);
    const key = text(input, 'sign');
    const signed = key === undefined ? undefined : await signArtifact(reference, signerWith(context, key), options);
    context.out.transient('');
    const signer = signed?.signer.fingerprint ?? null;
    const done = pushed.isUnchanged ? 'is there already, unchanged' : 'pushed';
    const line = `vmgate init ${reference}${signer === null ? '' : ` --signer ${signer}`}`;
    const lines =
      signer === null
        ? [
            `${reference} ${done}`,
            'not signed, so nobody can pull it; to sign it:',
            `  vmgate template sign ${reference} KEY`,
          ]
        : [
            `${reference} ${done}, signed by ${signer}`,
            "for the team's chat, or whatever they trust you by:",
            `  ${line}`,
          ];
    context.out.result(
      {
        reference,
        digest: pushed.reference.digest,
        created: pushed.created,
        unchanged: pushed.isUnchanged,
        signer,
        line,
      },
      lines.join('\n'),
    );
    return 0;
  },
};
