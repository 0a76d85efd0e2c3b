import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import path from 'node:path';
import { bytesText } from '../../core/amounts.ts';
import { digestText, hostPlatform } from '../../host/index.ts';
import { canonicalManifest, imageFile, imageParts, requireImage } from '../../image/index.ts';
import { formatReference, type ImageSource, publishImage, signArtifact } from '../../oci/index.ts';
import { type Command, type Context, type Input, text } from '../command.ts';
import type { DiskConfig } from '../image/take.ts';
import { clientOptions, signerWith, TOKEN_HOST } from '../template/transfer.ts';

/** Of vmgate's own; a lab is nobody's to share. */
const KINDS = ['gateway', 'tiny', 'debian', 'browser'] as const;

export const imagePush: Command = {
  name: 'image push',
  group: 'Set up',
  about: 'send an image to a registry: one that vmgate built here, or a disk of a work VM',
  kind: 'action',
  args: [
    { name: 'REF', about: 'HOST/REPOSITORY:TAG' },
    { name: 'IMAGE', about: 'gateway, tiny, debian, browser, or the file of a disk image (./FILE)' },
  ],
  options: [
    { flags: '--arch <ARCH>', choices: ['amd64', 'arm64'], about: "of the machine it is for; this one's unless said" },
    { flags: '--sign <KEY>', about: 'an SSH key: a file, or the .pub of one that an agent or a hardware key holds' },
    TOKEN_HOST,
  ],
  notes: [
    'Sent in pieces of 32 MiB; what the registry has already is only asked for. A disk is sent as it is: no secret belongs',
    'into one that is shared. Nobody can pull an image that is not signed.',
  ],
  examples: [
    'vmgate image push registry.example.com/team/gateway:1 gateway --sign ~/.ssh/id_ed25519.pub',
    'vmgate image push registry.example.com/team/desktop:7 ./desktop.qcow2 --sign ~/.ssh/id_ed25519.pub',
  ],
  run: async (context, input) => {
    const [written = '', what = ''] = input.args;
    const options = clientOptions(context, input);
    const source = await sourceOf(context, input, what);
    const pushed = await publishImage(written, source, options);
    const reference = formatReference(pushed.reference);
    const key = text(input, 'sign');
    const signed = key === undefined ? undefined : await signArtifact(reference, signerWith(context, key), options);
    context.out.transient('');
    const signer = signed?.signer.fingerprint ?? null;
    const line = `vmgate image pull ${reference}${signer === null ? '' : ` --signer ${signer}`}`;
    const { isUnchanged: unchanged, sentBytes, knownBytes } = pushed;
    const sent = `${bytesText(sentBytes)} sent, ${bytesText(knownBytes)} was there`;
    context.out.result(
      {
        reference,
        digest: pushed.reference.digest,
        created: source.created,
        unchanged,
        sentBytes,
        knownBytes,
        signer,
        line,
      },
      [
        `${reference} ${unchanged ? 'is there already, unchanged' : `pushed: ${sent}`}`,
        signer === null ? `not signed, so nobody can pull it: vmgate template sign ${reference} KEY` : `  ${line}`,
      ].join('\n'),
    );
    return 0;
  },
};

async function sourceOf(context: Context, input: Input, what: string): Promise<ImageSource> {
  const kind = KINDS.find((each) => each === what);
  const arch =
    text(input, 'arch') === 'arm64' ? 'arm64' : text(input, 'arch') === 'amd64' ? 'amd64' : hostPlatform().arch;
  if (kind === undefined) return diskSource(path.resolve(context.cwd, what), arch);
  const { folder, manifest } = await requireImage(context.home().images, kind, arch);
  const names = imageParts(manifest).map(({ name }) => imageFile(name));
  const { mtime } = await stat(path.join(folder, names[0] ?? ''));
  return {
    sort: 'boot',
    config: Buffer.from(canonicalManifest(manifest)),
    parts: names.map((name) => ({ name, file: path.join(folder, name) })),
    created: mtime.toISOString(),
  };
}

async function diskSource(file: string, arch: DiskConfig['arch']): Promise<ImageSource> {
  const { size, mtime } = await stat(file);
  const format = (await beginsWith(file, 'QFI\xfb')) ? 'qcow2' : 'raw';
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: 1_048_576 })) hash.update(chunk as Buffer);
  const config: DiskConfig = { version: 1, format, arch, bytes: size, digest: digestText(hash) };
  return {
    sort: 'disk',
    config: Buffer.from(JSON.stringify(config)),
    parts: [{ name: `disk.${format}`, file }],
    created: mtime.toISOString(),
  };
}

async function beginsWith(file: string, magic: string): Promise<boolean> {
  const handle = await open(file, 'r');
  try {
    const { buffer } = await handle.read(Buffer.alloc(magic.length), 0, magic.length, 0);
    return buffer.equals(Buffer.from(magic, 'latin1'));
  } finally {
    await handle.close();
  }
}
