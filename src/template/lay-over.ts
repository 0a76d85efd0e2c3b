/** What templates add to a vmgate.yaml: nothing is taken out of it, and nothing that it protects becomes less. */
import { isDeepStrictEqual } from 'node:util';
import type { ConfigFile } from '../config/index.ts';
import { canonicalJson } from '../core/canonical-json.ts';
import type { VerifyPolicy, VmDefinition } from './definition.ts';
import type { Template } from './load.ts';
import { fillIn, type Parameter, usesIn, type Value } from './parameters.ts';
import { conflictOf, tightenOnLoss, tightenVerify } from './tighten.ts';
import type { VpnNeeds } from './vpn.ts';

type WorkFile = NonNullable<ConfigFile['work']>[string];

/** What a template brings to a vmgate.yaml that may have some of it already. */
export interface Parts {
  readonly vpn: VpnNeeds | undefined;
  readonly verify: VerifyPolicy | undefined;
  readonly work: Readonly<Record<string, VmDefinition>>;
}

/** The same with its answers in place. */
export type Filled = Omit<Parts, 'work'> & { readonly work: Readonly<Record<string, WorkFile>> };

/**
 * Without what the file has said already, and need not be asked for.
 *
 * @param vmName for the VM of a `kind: work`, in place of the template's name
 */
export function partsFor(file: ConfigFile, { definition }: Template, vmName?: string): Parts {
  const { vpn } = definition;
  const work = definition.kind === 'work' ? { [vmName ?? definition.name]: definition.vm } : (definition.work ?? {});
  const missing = Object.entries(work).map(([name, vm]) => [name, missingFrom(hereOf(file, name) ?? {}, vm)] as const);
  const verify = definition.kind === 'work' ? undefined : definition.verify;
  return { vpn, verify, work: Object.fromEntries(missing) };
}

function hereOf({ work }: ConfigFile, name: string): WorkFile | undefined {
  return work !== undefined && Object.hasOwn(work, name) ? work[name] : undefined;
}

/** What boots is one choice: where the file has made it, it stays. */
function missingFrom(here: WorkFile, { image, onLoss, ...plain }: VmDefinition): VmDefinition {
  const hasSource = [here.template, here.disk, here.oci, here.kernel].some((way) => way !== undefined);
  const missing = Object.entries(plain).filter(([key]) => here[key as keyof WorkFile] === undefined);
  return {
    ...(hasSource || image === undefined ? {} : { image }),
    ...Object.fromEntries(missing),
    ...(onLoss === undefined ? {} : { onLoss }),
  };
}

/** The parameters that `parts` want an answer for, in the template's order. */
export function questionsOf({ definition }: Template, parts: Parts): readonly (readonly [string, Parameter])[] {
  const used = new Set(usesIn(parts).map(({ name }) => name));
  return Object.entries(definition.parameters ?? {}).filter(([name]) => used.has(name));
}

/** @throws TEMPLATE_VALUE_MISSING */
export function fillParts({ definition }: Template, parts: Parts, answers: ReadonlyMap<string, Value>): Filled {
  const { vpn, verify, work } = fillIn(parts, definition.parameters ?? {}, answers) as Parts;
  const vms = Object.entries(work).map(([name, vm]) => [name, workFileOf(vm)] as const);
  return { vpn, verify, work: Object.fromEntries(vms) };
}

/** As vmgate.yaml says it: there what boots stands beside the rest. */
function workFileOf({ image = {}, ...rest }: VmDefinition): WorkFile {
  const { builtin, ...files } = image;
  return { ...(builtin === undefined ? {} : { template: builtin }), ...files, ...rest } as WorkFile;
}

/**
 * Several templates on one gate.
 *
 * @param named each with the name it is shown by
 * @throws TEMPLATE_CONFLICT where they want different VPNs, exits that exclude each other, or VMs of the same name
 */
export function together(named: readonly { readonly name: string; readonly filled: Filled }[]): Filled {
  let all: Filled = { vpn: undefined, verify: undefined, work: {} };
  let first = '';
  for (const { name, filled } of named) {
    const { vpn, verify, work } = filled;
    if (all.vpn !== undefined && vpn !== undefined && canonicalJson(all.vpn) !== canonicalJson(vpn)) {
      throw conflictOf('vpn', { [first]: all.vpn }, { [name]: vpn }, 'one gate has one VPN');
    }
    const twice = Object.keys(work).find((vm) => Object.hasOwn(all.work, vm));
    if (twice !== undefined) throw conflictOf(`work.${twice}`, all.work[twice], work[twice], 'a name is one VM');
    if (all.vpn === undefined) first = name;
    all = { vpn: all.vpn ?? vpn, verify: tightenVerify(all.verify, verify), work: { ...all.work, ...work } };
  }
  return all;
}

export interface Change {
  readonly path: readonly string[];
  readonly value: unknown;
  /** `tightened`: something else stood there. */
  readonly how: 'added' | 'tightened';
}

/** What is protected counts from both; of the rest `filled` has only what is missing. @throws TEMPLATE_CONFLICT */
export function changesTo(file: ConfigFile, { verify, work }: Filled): readonly Change[] {
  const changes: Change[] = [];
  const set = (path: readonly string[], before: unknown, value: unknown) => {
    if (value === undefined || isDeepStrictEqual(before, value)) return;
    changes.push({ path, value, how: before === undefined ? 'added' : 'tightened' });
  };
  const both = tightenVerify(file.verify as VerifyPolicy | undefined, verify);
  for (const key of ['exit', 'every', 'maxAge'] as const) set(['verify', key], file.verify?.[key], both?.[key]);
  for (const [name, vm] of Object.entries(work)) {
    const here = hereOf(file, name);
    if (here === undefined) set(['work', name], undefined, vm);
    for (const [key, value] of Object.entries(here === undefined ? {} : vm)) {
      const wanted = key === 'onLoss' ? tightenOnLoss(here?.onLoss, vm.onLoss) : value;
      set(['work', name, key], here?.[key as keyof WorkFile], wanted);
    }
  }
  return changes;
}
