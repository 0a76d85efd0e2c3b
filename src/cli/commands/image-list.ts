import { ageText, daysSince } from '../../core/age.ts';
import { wallMs } from '../../host/index.ts';
import { imageParts, type ListedImage, listImages } from '../../image/index.ts';
import { type Command, flag } from '../command.ts';
import { GATE_OPTION } from '../gate-access.ts';
import { textTable } from '../text-table.ts';

export const imageList: Command = {
  name: 'image list',
  group: 'Set up',
  about: 'images on this machine and how old they are; * marks those in use',
  kind: 'query',
  options: [
    { flags: '--updates', about: 'ask, through the open gate, which packages of those in use have updates' },
    GATE_OPTION,
  ],
  notes: [
    'Its age is that of the newest package in it. Where Debian has newer ones is asked with --updates alone, by apt, through the',
    'tunnel and no other way. vmgate image build KIND, on a network that you trust, takes them.',
  ],
  examples: ['vmgate image list', 'vmgate image list --updates', 'vmgate image list --json'],
  run: async (context, input) => {
    const nowMs = wallMs();
    const listed = await listImages(context.home().images);
    const inUse = listed.filter(({ current }) => current);
    const images = listed.map((image) => rowOf(image, nowMs));
    const none = 'no image yet; build them: vmgate image build (or: vmgate image import FILE-OR-FOLDER)';
    const table = images.length === 0 ? none : tableOf(images);
    if (!flag(input, 'updates')) {
      context.out.result({ images }, table);
      return 0;
    }
    if (inUse.length === 0) {
      context.out.result({ images: images.map((image) => ({ ...image, updates: null })), suites: [] }, table);
      return 0;
    }
    const { askThroughGate, updatesFields, updatesText } = await import('../image/updates.ts');
    const answer = await askThroughGate(context, input, inUse);
    const told = listed.map((image) => ({ ...rowOf(image, nowMs), updates: updatesFields(image, answer) }));
    context.out.result({ images: told, suites: answer.suites }, `${table}\n\n${updatesText(inUse, answer)}`);
    return 0;
  },
};

function tableOf(images: readonly ReturnType<typeof rowOf>[]): string {
  const rows = images.map(({ current, kind, arch, bytes, packages, newestPackage, ageDays, digest }) => [
    current ? '*' : '',
    kind,
    arch,
    `${(bytes / 1e6).toFixed(1)} MB`,
    `${packages} packages`,
    newestPackage === null || ageDays === null ? 'age unknown' : `of ${newestPackage}, ${ageText(ageDays)}`,
    digest.slice(0, 19),
  ]);
  return textTable(rows);
}

function rowOf({ digest, folder, current, manifest }: ListedImage, nowMs: number) {
  const { kind, arch, packages, newestPackage = null } = manifest;
  const ageDays = newestPackage === null ? null : daysSince(newestPackage, nowMs);
  const bytes = imageParts(manifest).reduce((sum, part) => sum + part.bytes, 0);
  return { kind, arch, digest, bytes, packages: packages.length, newestPackage, ageDays, current, folder };
}
