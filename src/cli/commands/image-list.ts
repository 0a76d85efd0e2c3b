import { ageText, daysSince } from '../../core/age.ts';
import { wallMs } from '../../host/index.ts';
import { imageParts, type ListedImage, listImages } from '../../image/index.ts';
import type { Command } from '../command.ts';
import { textTable } from '../text-table.ts';

export const imageList: Command = {
  name: 'image list',
  group: 'Set up',
  about: 'images on this machine and how old they are; * marks those in use',
  kind: 'query',
  notes: [
    'Its age is that of the newest package in it. Where Debian has newer ones is not asked: vmgate image build KIND, on a network',
    'that you trust, takes them.',
  ],
  examples: ['vmgate image list', 'vmgate image list --json'],
  run: async (context) => {
    const nowMs = wallMs();
    const images = (await listImages(context.home().images)).map((image) => rowOf(image, nowMs));
    const rows = images.map(({ current, kind, arch, bytes, packages, newestPackage, ageDays, digest }) => [
      current ? '*' : '',
      kind,
      arch,
      `${(bytes / 1e6).toFixed(1)} MB`,
      `${packages} packages`,
      newestPackage === null || ageDays === null ? 'age unknown' : `of ${newestPackage}, ${ageText(ageDays)}`,
      digest.slice(0, 19),
    ]);
    const none = 'no image yet; build them: vmgate image build (or: vmgate image import FILE-OR-FOLDER)';
    context.out.result({ images }, rows.length === 0 ? none : textTable(rows));
    return 0;
  },
};

function rowOf({ digest, folder, current, manifest }: ListedImage, nowMs: number) {
  const { kind, arch, packages, newestPackage = null } = manifest;
  const ageDays = newestPackage === null ? null : daysSince(newestPackage, nowMs);
  const bytes = imageParts(manifest).reduce((sum, part) => sum + part.bytes, 0);
  return { kind, arch, digest, bytes, packages: packages.length, newestPackage, ageDays, current, folder };
}
