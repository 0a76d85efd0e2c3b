/**
 * Lays vmgate.local.yaml over vmgate.yaml. Personal values (which VPN profile, how much memory, where a disk lies) may
 * be anything; what protects can only become stricter, so that nobody's local file undoes what the team agreed on.
 */
import { isDeepStrictEqual } from 'node:util';
import { milliseconds } from './config.ts';
import { type ConfigFile, DEFAULTS, type LocalFile, ON_LOSS } from './schema.ts';

export interface Loosening {
  readonly path: readonly string[];
  readonly rule: string;
}

export function mergeConfig(base: ConfigFile, local: LocalFile): ConfigFile {
  const { version: _, endpoint, verify, dns, work, ...plain } = local;
  return {
    ...base,
    ...plain,
    ...(endpoint === undefined ? {} : { endpoint: { ...base.endpoint, ...endpoint } }),
    ...(verify === undefined ? {} : { verify: { ...base.verify, ...verify } }),
    ...(dns === undefined ? {} : { dns: { ...base.dns, ...dns } }),
    ...(work === undefined ? {} : { work: mergeWork(base.work ?? {}, work) }),
  };
}

type WorkFiles = NonNullable<ConfigFile['work']>;

/** What boots is one choice: a local disk replaces a template instead of standing beside it. */
function mergeWork(base: WorkFiles, local: WorkFiles): WorkFiles {
  const merged = Object.entries(local).map(([name, vm]) => {
    const { template, disk, from, oci, kernel, initramfs, append, ...rest } = base[name] ?? {};
    const source = { template, disk, from, oci, kernel, initramfs, append };
    const replaced = [vm.template, vm.disk, vm.oci, vm.kernel].some((way) => way !== undefined);
    return [name, { ...(replaced ? {} : source), ...rest, ...vm }] as const;
  });
  return { ...base, ...Object.fromEntries(merged) };
}

/**
 * Every key by which a vmgate.yaml would weaken what its templates say. What they do not say is its own to decide, and so
 * is what a template has no word for.
 */
export function looseningsOfLayer({ verify = {}, work = {} }: ConfigFile, file: ConfigFile): readonly Loosening[] {
  const said = Object.entries(file.verify ?? {}).filter(([key]) => verify[key as keyof typeof verify] !== undefined);
  const vms = Object.entries(file.work ?? {})
    .filter(([name]) => Object.hasOwn(work, name))
    .map(([name, { peers: _, ...vm }]) => [name, vm] as const);
  const over = { version: 1 as const, verify: Object.fromEntries(said), work: Object.fromEntries(vms) };
  return looseningsOf({ version: 1, verify, work }, over);
}

/** Every key by which `local` would weaken `base`. */
export function looseningsOf(base: ConfigFile, local: LocalFile): readonly Loosening[] {
  const found: Loosening[] = [];
  const refuse = (path: readonly string[], rule: string) => found.push({ path, rule });
  if (local.endpoint?.allowPrivate === true && base.endpoint?.allowPrivate !== true) {
    refuse(['endpoint', 'allowPrivate'], 'allowPrivate may only be set to false');
  }
  if (local.failover !== undefined && base.vpn !== undefined && !isDeepStrictEqual(local.failover, base.failover)) {
    refuse(['failover'], 'failover is for who names the VPN');
  }
  if (local.dns?.rebinding === 'allow' && base.dns?.rebinding === 'refuse') {
    refuse(['dns', 'rebinding'], 'rebinding may only become refuse');
  }
  const exit = base.verify?.exit;
  if (local.verify?.exit !== undefined && exit !== undefined && !isDeepStrictEqual(local.verify.exit, exit)) {
    refuse(['verify', 'exit'], 'exit may be added, not changed');
  }
  for (const key of ['every', 'maxAge'] as const) {
    const most = base.verify?.[key] ?? DEFAULTS[key];
    const asked = local.verify?.[key];
    if (asked !== undefined && milliseconds(asked) > milliseconds(most))
      refuse(['verify', key], `${key} may be at most ${most}`);
  }
  for (const [name, vm] of Object.entries(local.work ?? {})) {
    const agreed = base.work?.[name];
    if (
      vm.egress !== undefined &&
      !isDeepStrictEqual(vm.egress, agreed?.egress ?? vm.egress) &&
      agreed?.egress !== 'allow'
    )
      refuse(['work', name, 'egress'], 'egress may be added, not changed');
    if (vm.peers?.some((peer) => !agreed?.peers?.includes(peer)) === true)
      refuse(['work', name, 'peers'], 'peers may be taken away, not added');
    const asked = base.work?.[name]?.onLoss ?? DEFAULTS.onLoss;
    if (ON_LOSS.indexOf(vm.onLoss ?? asked) < ON_LOSS.indexOf(asked)) {
      const stricter = ON_LOSS.slice(ON_LOSS.indexOf(asked) + 1);
      refuse(
        ['work', name, 'onLoss'],
        `onLoss is ${asked}${stricter.length > 0 ? ` and may become ${stricter.join(' or ')}` : ''}`,
      );
    }
  }
  return found;
}
