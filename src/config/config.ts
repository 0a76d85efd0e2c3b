/** The configuration as the rest of vmgate sees it: complete, in plain units, paths absolute. */
import os from 'node:os';
import path from 'node:path';
import type { WorkEgress } from '../core/policy/work-egress.ts';
import { sha256 } from '../host/index.ts';
import { completeEgress } from './egress.ts';
import { type ForwardedPort, readPort } from './ports.ts';
import { parseDuration, parseSizeMiB } from './quantities.ts';
import { type ConfigFile, DEFAULTS } from './schema.ts';
import { completeSetUp, type SetUp, setUpFault } from './set-up.ts';

/** What the exit's answer must be: prefixes its address lies in, or JSON fields with exactly these values. */
export type ExitExpectation =
  | { readonly kind: 'address'; readonly prefixes: readonly string[] }
  | { readonly kind: 'json'; readonly fields: Readonly<Record<string, string | number | boolean>> };

export type WorkSource =
  | { readonly kind: 'template'; readonly template: 'tiny' | 'debian' | 'browser' }
  | { readonly kind: 'disk'; readonly disk: string; readonly from: readonly PublishedDisk[] }
  /** A disk of a registry, by digest; what is here of it is found by src/image. */
  | { readonly kind: 'oci'; readonly reference: string }
  | { readonly kind: 'kernel'; readonly kernel: string; readonly initramfs: string; readonly append: string };

/** What somebody publishes, and what it has to be. */
export interface PublishedDisk {
  readonly arch: 'amd64' | 'arm64';
  readonly url: string;
  /** `sha256:<hex>` or `sha512:<hex>`. */
  readonly digest: string;
}

export interface WorkConfig {
  readonly name: string;
  readonly source: WorkSource;
  readonly cpus: number;
  /** Undefined: what its source needs. */
  readonly memoryMiB: number | undefined;
  readonly hardware: 'virtio' | 'compat';
  readonly firmware: 'bios' | 'uefi';
  readonly display: 'none' | 'window' | 'vnc';
  readonly onLoss: 'block' | 'pause' | 'stop';
  /** Where it may go inside the tunnel; undefined: everywhere. */
  readonly egress: WorkEgress | undefined;
  /** Work VMs of this gate that it may begin connections to. */
  readonly peers: readonly string[];
  readonly autostart: boolean;
  /** What `vmgate forward` leads to it where no port is typed. */
  readonly ports: readonly ForwardedPort[];
  /** How its system is set up; undefined: it is left as it is. */
  readonly setUp: SetUp | undefined;
}

export interface Config {
  readonly version: 1;
  readonly gate: string;
  /** VPN profiles in the order in which they are tried. */
  readonly vpn: readonly [string, ...string[]];
  /** Of a chain, whose last profile is `vpn`: those that it runs through, the outermost first. */
  readonly through?: readonly string[];
  readonly endpoint: { readonly allowPrivate: boolean };
  readonly verify: {
    readonly exit: { readonly url: string; readonly expect: ExitExpectation } | undefined;
    readonly everyMs: number;
    readonly maxAgeMs: number;
  };
  /** Asked to find a portal; undefined: never. */
  readonly portal: { readonly probe: string | undefined };
  /** `refuse`: answers of the tunnel's resolver that lead to private addresses are thrown away. */
  readonly dns: { readonly rebinding: 'allow' | 'refuse' };
  /** Desktop notifications. */
  readonly notify: boolean;
  /** In the file's order: it decides which link each gets. */
  readonly work: readonly WorkConfig[];
}

/** A file that was judged as a whole. */
export type WholeFile = Omit<ConfigFile, 'vpn'> & Pick<Config, 'vpn' | 'through'>;

/** `folder`: where relative paths start. The file was judged complete before (see load.ts). */
export function completeConfig(file: WholeFile, folder: string): Config {
  const exit = file.verify?.exit;
  return {
    version: 1,
    gate: file.gate ?? DEFAULTS.gate,
    vpn: file.vpn,
    ...(file.through === undefined ? {} : { through: file.through }),
    endpoint: { allowPrivate: file.endpoint?.allowPrivate ?? false },
    verify: {
      exit: exit === undefined ? undefined : { url: exit.url, expect: expectation(exit.expect) },
      everyMs: milliseconds(file.verify?.every ?? DEFAULTS.every),
      maxAgeMs: milliseconds(file.verify?.maxAge ?? DEFAULTS.maxAge),
    },
    portal: { probe: file.portal?.probe === false ? undefined : (file.portal?.probe ?? DEFAULTS.portalProbe) },
    dns: { rebinding: file.dns?.rebinding ?? DEFAULTS.rebinding },
    notify: file.notify ?? DEFAULTS.notify,
    work: Object.entries(file.work ?? {}).map(([name, vm]) => ({
      name,
      source: sourceOf(vm, folder),
      cpus: vm.cpus ?? DEFAULTS.cpus,
      memoryMiB: vm.memory === undefined ? undefined : parseSizeMiB(vm.memory),
      hardware: vm.hardware ?? DEFAULTS.hardware,
      firmware: vm.firmware ?? DEFAULTS.firmware,
      display: vm.display ?? (vm.template === 'browser' ? 'vnc' : DEFAULTS.display),
      onLoss: vm.onLoss ?? DEFAULTS.onLoss,
      egress: completeEgress(vm.egress),
      peers: [...new Set(vm.peers ?? [])],
      autostart: vm.autostart ?? false,
      ports: (vm.ports ?? []).map(readPort),
      setUp: completeSetUp(vm),
    })),
  };
}

type WorkFile = NonNullable<ConfigFile['work']>[string];

/** What is wrong with the way a work VM says what boots; undefined when it is clear. */
export function sourceFault(vm: WorkFile): string | undefined {
  const ways = [vm.template, vm.disk, vm.oci, vm.kernel].filter((way) => way !== undefined).length;
  if (ways !== 1) return 'must say what boots by one of template, disk, oci, or kernel with initramfs';
  if (vm.kernel !== undefined && vm.initramfs === undefined) return 'has a kernel, so it needs an initramfs too';
  if (vm.from !== undefined && vm.disk === undefined) return 'has from, which belongs to a disk';
  const stray = vm.initramfs ?? vm.append;
  return vm.kernel === undefined && stray !== undefined
    ? 'has initramfs or append, which belong to a kernel'
    : setUpFault(vm);
}

function sourceOf(vm: WorkFile, folder: string): WorkSource {
  if (vm.template !== undefined) return { kind: 'template', template: vm.template };
  if (vm.disk !== undefined) return { kind: 'disk', disk: absolute(vm.disk, folder), from: vm.from ?? [] };
  if (vm.oci !== undefined) return { kind: 'oci', reference: vm.oci };
  return {
    kind: 'kernel',
    kernel: absolute(vm.kernel ?? '', folder),
    initramfs: absolute(vm.initramfs ?? '', folder),
    append: vm.append ?? '',
  };
}

function absolute(written: string, folder: string): string {
  return path.resolve(folder, written.startsWith('~/') ? path.join(os.homedir(), written.slice(2)) : written);
}

function expectation(expect: NonNullable<NonNullable<ConfigFile['verify']>['exit']>['expect']): ExitExpectation {
  return Array.isArray(expect) ? { kind: 'address', prefixes: expect } : { kind: 'json', fields: expect.json };
}

export function milliseconds(text: string): number {
  return parseDuration(text) ?? 0;
}

/** `sha256:<hex>` of the configuration's meaning: comments, key order and spelling of units do not change it. */
export function digestOf(config: Config): string {
  return sha256(JSON.stringify(config, sortedKeys));
}

function sortedKeys(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
