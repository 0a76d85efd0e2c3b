import path from 'node:path';
import { importImage } from '../../image/index.ts';
import type { Command } from '../command.ts';
import { elapsed } from '../elapsed.ts';

export const imageImport: Command = {
  name: 'image import',
  group: 'Set up',
  about: 'take an image that was built elsewhere, from a file or a folder',
  kind: 'action',
  args: [{ name: 'FILE', about: 'a folder with manifest.json and the files it names, or a tar of one' }],
  notes: [
    'Such a folder is below images/ of the home folder where it was built: vmgate image list --json names it.',
    'What an image holds runs as your gateway: take one only from whom you trust as much as vmgate itself.',
  ],
  examples: ['vmgate image import /media/usb/gateway.tar', 'vmgate image import ./gateway-arm64/'],
  run: async (context, input) => {
    const [file = ''] = input.args;
    const waiting = elapsed(context.out, 'reading and hashing');
    try {
      const { digest, manifest } = await importImage(path.resolve(context.cwd, file), context.home().images);
      const { kind, arch } = manifest;
      context.out.result({ kind, arch, digest }, `${kind} image (${arch}) imported and in use: ${digest}`);
    } finally {
      waiting.end();
    }
    return 0;
  },
};
