/**
 * Reads how this machine is on the network. On Linux from the kernel's own files, with no process but for the name of a
 * Wi-Fi; on macOS with the system's tools. What cannot be read is undefined: the address alone tells most.
 */
import { existsSync, readFileSync } from 'node:fs';
import os from 'node:os';
import { findTool, hostPlatform, run } from '../host/index.ts';
import { isIpMonitorLine, resolversIn, routerIn, wifiIn } from './linux-text.ts';
import { isRouteMonitorLine, macResolversIn, macRouterIn, macWifiIn } from './macos-text.ts';
import type { NetworkPath, NetworkView } from './network-view.ts';
import { sourceToward } from './source-address.ts';
import type { WatchedTool } from './tool-watcher.ts';

export interface HostNetwork {
  /** Without anything that was ever worth a packet. `isThorough`: the slow parts too, else as they were last. */
  look(target: string, isThorough: boolean): Promise<NetworkView>;
  /** A tool that says at once when something changed. */
  readonly monitor: WatchedTool;
  /** How often to look without being told. */
  readonly pollMs: number;
}

const TOOL_MS = 2_000;
const MAX_OUTPUT = 65_536;
/** resolved's own list, where resolv.conf names nobody but it: systemd-resolved.service(8). */
const STUBS: readonly string[] = ['127.0.0.53', '127.0.0.54'];
const RESOLVED = '/run/systemd/resolve/resolv.conf';
const RESOLV_CONF = '/etc/resolv.conf';
const IP_MONITOR = ['-o', 'monitor', 'link', 'address', 'route', 'rule'];

/** `resolvConf`: another file than the machine's, for a lab. */
export function hostNetwork(resolvConf: string = RESOLV_CONF): HostNetwork {
  return hostPlatform().os === 'macos' ? macNetwork() : linuxNetwork(resolvConf);
}

function linuxNetwork(resolvConf: string): HostNetwork {
  const wifi = remembering(linuxWifi);
  return {
    pollMs: 1_000,
    monitor: { name: 'ip monitor', tool: 'ip', argv: IP_MONITOR, isLine: isIpMonitorLine },
    look: async (target, isThorough) => {
      const path = await pathToward(target);
      const router = path && routerIn(textIn('/proc/net/route'), path.card, target);
      const name = path && (await wifi(path.card, isThorough));
      return {
        path: path && { ...path, router, wifi: name },
        resolvers: linuxResolvers(resolvConf),
        addresses: addresses(),
      };
    },
  };
}

function linuxResolvers(resolvConf: string): readonly string[] {
  const named = resolversIn(textIn(resolvConf));
  const isStub = named.length > 0 && named.every((address) => STUBS.includes(address));
  return isStub && resolvConf === RESOLV_CONF ? resolversIn(textIn(RESOLVED)) : named;
}

async function linuxWifi(card: string): Promise<string | undefined> {
  if (!existsSync(`/sys/class/net/${card}/wireless`)) return undefined;
  return wifiIn(await outputOf('iw', ['dev', card, 'link']));
}

function macNetwork(): HostNetwork {
  const wifi = remembering(async (card) => macWifiIn(await outputOf('ipconfig', ['getsummary', card])));
  return {
    // Each look starts two tools.
    pollMs: 5_000,
    monitor: { name: 'route monitor', tool: 'route', argv: ['-n', 'monitor'], isLine: isRouteMonitorLine },
    look: async (target, isThorough) => {
      const path = await pathToward(target);
      const [route, dns] = await Promise.all([outputOf('route', ['-n', 'get', target]), outputOf('scutil', ['--dns'])]);
      const router = macRouterIn(route);
      const name = path && (await wifi(path.card, isThorough));
      return { path: path && { ...path, router, wifi: name }, resolvers: macResolversIn(dns), addresses: addresses() };
    },
  };
}

/** A name is asked for anew when the card is another one, and in thorough looks. */
function remembering(
  ask: (card: string) => Promise<string | undefined>,
): (card: string, isThorough: boolean) => Promise<string | undefined> {
  let known: { readonly card: string; readonly name: string | undefined } | undefined;
  return async (card, isThorough) => {
    if (isThorough || known?.card !== card) known = { card, name: await ask(card) };
    return known.name;
  };
}

async function pathToward(target: string): Promise<Pick<NetworkPath, 'source' | 'card'> | undefined> {
  const source = await sourceToward(target);
  const card = source && cardOf(source);
  return source !== undefined && card !== undefined ? { source, card } : undefined;
}

/**
 * Only of cards that are up and have a carrier (libuv lists no others): an address whose card has lost its network is no
 * way to anywhere, and who comes back on another network with the same address was here in between.
 */
function cardOf(source: string): string | undefined {
  return Object.entries(os.networkInterfaces()).find(([, all]) => all?.some(({ address }) => address === source))?.[0];
}

function addresses(): readonly string[] {
  const all = Object.entries(os.networkInterfaces()).flatMap(([card, cards]) =>
    (cards ?? []).filter(({ address }) => !address.startsWith('fe80:')).map(({ cidr }) => `${card} ${cidr}`),
  );
  return all.sort();
}

/** Empty where the tool is missing, failed or was late. */
async function outputOf(tool: string, argv: readonly string[]): Promise<string> {
  if (findTool(tool) === undefined) return '';
  const { code, stdout } = await run({ tool, argv, timeoutMs: TOOL_MS, maxBytes: MAX_OUTPUT });
  return code === 0 ? stdout : '';
}

function textIn(file: string): string {
  try {
    return readFileSync(file, 'utf8').slice(0, MAX_OUTPUT);
  } catch {
    return '';
  }
}
