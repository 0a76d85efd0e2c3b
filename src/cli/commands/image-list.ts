import { imageParts, type ListedImage, listImages } from '../../image/index.ts';
import type { Command } from '../command.ts';
import { textTable } from '../text-table.ts';

export const imageList: Command = {
  name: 'image list',
  group: 'Set up',
  about: 'images on this machine; * marks those in use',
  kind: 'query',
  examples: ['vmgate image list', 'vmgate image list --json'],
  run: async (context) => {
    const images = (await listImages(context.home().images)).map(rowOf);
    const rows = images.map(({ current, kind, arch, bytes, packages, digest }) => [
      current ? '*' : '',
      kind,
      arch,
      `${(bytes / 1e6).toFixed(1)} MB`,
      `${packages} packages`,
      digest.slice(0, 19),
    ]);
    const none = 'no image yet; build them: vmgate image build (or: vmgate image import FILE-OR-FOLDER)';
    context.out.result({ images }, rows.length === 0 ? none : textTable(rows));
    return 0;
  },
};

function rowOf({ digest, folder, current, manifest }: ListedImage) {
  const { kind, arch, packages } = manifest;
  const bytes = imageParts(manifest).reduce((sum, part) => sum + part.bytes, 0);
  return { kind, arch, digest, bytes, packages: packages.length, current, folder };
}
