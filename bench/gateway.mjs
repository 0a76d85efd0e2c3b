/** How large a gateway is, on disk and in memory. */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { connectGateway } from './connected-gateway.mjs';

/** What is tried, MiB, in this order, until one does not come up. */
const MEMORIES = [160, 144, 128, 112];

export async function measureSize(stand) {
  const { folder, manifest } = await stand.image('gateway');
  const names = ['kernel', 'base.cpio', 'wireguard.cpio'];
  const bytes = await Promise.all(names.map(async (name) => (await stat(path.join(folder, name))).size));
  const [kernelMB, baseMB, wireguardMB] = bytes.map((size) => size / 1e6);
  if (manifest.layers.length < 2) throw new Error('the image has no wireguard layer');
  return { value: kernelMB + baseMB + wireguardMB, raw: { kernelMB, baseMB, wireguardMB } };
}

/** Comes up means: boots, takes a tunnel, and something answers through it. */
export async function measureLeastMemory(stand) {
  const { lab } = await stand.stage();
  // The gate has the same key.
  await stand.vmgate('down');
  let least;
  for (const memoryMiB of MEMORIES) {
    stand.say(`  ${memoryMiB} MiB`);
    const gateway = await connectGateway(stand, lab.profile, { memoryMiB }).catch((cause) => {
      stand.say(`  not in ${memoryMiB} MiB: ${cause.message}`);
    });
    if (gateway === undefined) break;
    await gateway.stop();
    least = memoryMiB;
  }
  if (least === undefined) throw new Error(`not even in ${MEMORIES[0]} MiB`);
  return { value: least, raw: { leastMiB: least } };
}
