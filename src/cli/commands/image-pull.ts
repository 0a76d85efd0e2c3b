import { type Command, flag } from '../command.ts';
import { takeImage } from '../image/take.ts';
import { SIGNER_OPTION } from '../template/signer-option.ts';
import { TOKEN_HOST } from '../template/transfer.ts';

export const imagePull: Command = {
  name: 'image pull',
  group: 'Set up',
  about: 'take a signed image from a registry',
  kind: 'action',
  args: [{ name: 'REF', about: 'HOST/REPOSITORY:TAG, HOST/REPOSITORY@sha256:DIGEST, or with both' }],
  options: [
    SIGNER_OPTION,
    {
      flags: '--locked',
      about: 'only the version that vmgate.lock names; where CI is set, that is so if it names one',
    },
    TOKEN_HOST,
  ],
  notes: [
    'An image that vmgate built is in use from then on. A disk is for oci: in vmgate.yaml, which names it as it is printed here;',
    'it is inspected like any other before a VM sees it. What is there already is not fetched again, and the version is in',
    'vmgate.lock.',
  ],
  examples: [
    'vmgate image pull registry.example.com/team/gateway:1 --signer SHA256:kGxBo1lYfJ0rY1Vd6T3bL0CVJrT2kqYk3yZb8zqPq1c',
  ],
  run: async (context, input) => {
    const [written = ''] = input.args;
    const lock = flag(input, 'locked') ? 'require' : context.outside.isCi ? 'keep' : 'update';
    const { reference, version, signerAdded, isCached, kind, arch, file, says } = await takeImage(
      context,
      input,
      written,
      lock,
    );
    context.out.result(
      { reference, ...version, signerAdded, cached: isCached, kind, arch, file },
      `${reference}, signed by ${version.signer}\n${says}`,
    );
    return 0;
  },
};
