import type { CodedEvent } from '../../core/coded.ts';
import type { Arch } from '../../drivers/index.ts';
import { hostPlatform } from '../../host/index.ts';
import { buildImage, type ImageKind, type StoredImage } from '../../image/index.ts';
import { type Command, text } from '../command.ts';
import { elapsed } from '../elapsed.ts';

const KINDS: Readonly<Record<string, readonly ImageKind[]>> = {
  gateway: ['gateway'],
  tiny: ['tiny'],
  lab: ['lab'],
  debian: ['debian'],
  browser: ['browser'],
  all: ['gateway', 'tiny'],
};

export const imageBuild: Command = {
  name: 'image build',
  group: 'Set up',
  about: 'build images from Debian packages; says first how much it downloads',
  kind: 'action',
  args: [
    {
      name: 'KIND',
      optional: true,
      about: 'what to build; all (gateway and tiny) unless said',
      choices: Object.keys(KINDS),
    },
  ],
  options: [
    { flags: '--arch <ARCH>', about: "amd64 or arm64; this machine's unless said", choices: ['amd64', 'arm64'] },
  ],
  examples: ['vmgate image build', 'vmgate image build debian', 'vmgate image build gateway --arch arm64'],
  run: async (context, input) => {
    const [kind = 'all'] = input.args;
    const arch = (text(input, 'arch') ?? hostPlatform().arch) as Arch;
    const { images: imagesFolder } = context.home();
    const built: StoredImage[] = [];
    for (const each of KINDS[kind] ?? []) {
      const waiting = elapsed(context.out, `building the ${each} image`);
      try {
        const progress = waiting.through((event: CodedEvent) => context.out.event(event));
        built.push(await buildImage(each, arch, { imagesFolder, progress, signal: context.interrupted }));
      } finally {
        waiting.end();
      }
    }
    const images = built.map(({ digest, manifest }) => ({ kind: manifest.kind, arch: manifest.arch, digest }));
    context.out.result({ images }, images.map((image) => `${image.kind} ${image.arch} ${image.digest}`).join('\n'));
    return 0;
  },
};
