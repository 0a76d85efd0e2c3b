/** Loaded only when a gate's supervisor has still to be started. */
import net from 'node:net';
import path from 'node:path';
import type { LoadedConfig } from '../config/index.ts';
import { Installation } from '../drivers/index.ts';
import { hostPlatform } from '../host/index.ts';
import { requireImage, takePackaged } from '../image/index.ts';
import { loadHops, resolveEndpoint } from '../vpn/index.ts';
import type { Context } from './command.ts';

/**
 * What can be known to fail without a gateway and without the network is said now, and nothing is begun: a profile or
 * an image that is neither there nor installed with vmgate, a server address that is refused as it is written, a QEMU that is missing or too old.
 *
 * @throws VPN_*, IMAGE_*, HOST_TOOL_MISSING, DRIVER_*
 */
export async function foresee(context: Context, loaded: LoadedConfig): Promise<void> {
  const { vpn, endpoint: rules } = loaded.config;
  for (const name of vpn) {
    const { profile, through } = await loadHops(context.home().vpn, name, loaded);
    // Of a chain only the first server is a place on this network.
    const { endpoint } = (through[0] ?? profile).plan;
    if (net.isIPv4(endpoint.host)) await resolveEndpoint(endpoint, rules);
  }
  const { arch } = hostPlatform();
  const { images } = context.home();
  await takePackaged(images, arch, { progress: (event) => context.out.event(event) });
  await requireImage(images, 'gateway', arch);
  const cacheFile = path.join(context.home().root, 'qemu.json');
  await new Installation({ cacheFile, forcedAccel: context.outside.forcedAccel }).find(arch);
}
