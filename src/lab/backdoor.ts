/**
 * A gateway with a backdoor, for cases where the gateway itself is tampered with: its image, imported like any other,
 * runs the shell line whose number a neighbour knocks: so many packets with a wrong header checksum, which the kernel counts
 * before any firewall sees them. No gateway of vmgate has another way in than its one forced command; this image exists
 * in the store of a lab's own home folder only, and every folder of images the user has is left as it is.
 */
import { cp, mkdir, readdir, readFile, realpath, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type Hop, udpFrame } from '../frame/index.ts';
import { hostPlatform, packageFile, sha256 } from '../host/index.ts';
import { type CpioEntry, importImage, requireImage, writeCpio } from '../image/index.ts';

/** Offset of the header checksum's first byte in an Ethernet frame that carries IPv4. */
const CHECKSUM = 24;
const RELAY = 'provision/gateway/rootfs/usr/sbin/vmgate-relay';

/** Counts knocks until no more come, then runs the line of that number. */
function backdoor(lines: readonly string[]): string {
  const cases = lines.map((line, index) => `    ${index + 1}) ${line} ;;`).join('\n');
  return `#!/bin/sh
export PATH=/usr/sbin:/usr/bin
exec >/dev/kmsg 2>&1
counted=0 obeyed=0
while sleep 0.3; do
  while read -r kind _ _ _ errors _; do [ "$kind" != Ip: ] || count=$errors; done </proc/net/snmp
  [ "$count" = "$counted" ] || { counted=$count; continue; }
  knocks=$((count - obeyed))
  obeyed=$count
  case $knocks in
${cases}
  esac
done
`;
}

/**
 * A folder of images like `images`, in `folder`, whose gateway obeys `lines`, the first at one knock. `files` replace
 * its own.
 */
export async function imagesWithBackdoor(
  images: string,
  folder: string,
  lines: readonly string[],
  files: readonly CpioEntry[] = [],
): Promise<string> {
  const { arch } = hostPlatform();
  const gateway = await requireImage(images, 'gateway', arch);
  const store = path.join(folder, 'images');
  const draft = path.join(folder, 'draft');
  await mkdir(store, { recursive: true, mode: 0o700 });
  for (const name of (await readdir(images)).filter((each) => /^[0-9a-f]{64}$/.test(each))) {
    await symlink(path.join(images, name), path.join(store, name));
  }
  await cp(path.join(images, 'current.json'), path.join(store, 'current.json'));
  // Never through a link: what is written below must not reach the store it came from.
  await cp(await realpath(gateway.folder), draft, { recursive: true, dereference: true });
  const layer = gateway.manifest.layers.find(({ name }) => name === 'base');
  if (layer === undefined) throw new Error('a gateway without base layer');
  const base = path.join(draft, 'base.cpio');
  const data = Buffer.concat([await readFile(base), Buffer.alloc(-layer.bytes & 3), await overlay(lines, files)]);
  await writeFile(base, data);
  const digest = sha256(data);
  const layers = gateway.manifest.layers.map((each) =>
    each === layer ? { ...each, digest, bytes: data.length } : each,
  );
  await writeFile(path.join(draft, 'manifest.json'), JSON.stringify({ ...gateway.manifest, layers }));
  await importImage(draft, store);
  return store;
}

/** Process 1 starts the backdoor first, and is then what it always was. */
async function overlay(lines: readonly string[], files: readonly CpioEntry[]): Promise<Buffer> {
  const relay = (await readFile(packageFile(RELAY), 'utf8')).replace(
    '#!/bin/sh\n',
    '#!/bin/sh\n/usr/sbin/backdoor &\n',
  );
  return writeCpio([
    ...files,
    { path: 'usr/sbin/backdoor', type: 'file', mode: 0o755, data: backdoor(lines) },
    { path: 'usr/sbin/vmgate-relay', type: 'file', mode: 0o755, data: relay },
  ]);
}

/** Has a gateway run its line number `times`, within a second: as many of these on any of its cards, from its neighbour. */
export function knocks(
  hop: Hop,
  ends: { readonly source: string; readonly destination: string },
  times: number,
): Buffer[] {
  const frame = udpFrame(hop, { ...ends, sourcePort: 9, destinationPort: 9 }, Buffer.from('knock'));
  frame.writeUInt8(frame.readUInt8(CHECKSUM) ^ 0xff, CHECKSUM);
  return Array.from({ length: times }, () => frame);
}
