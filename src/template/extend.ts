/** A template laid over the one it extends. docs/templates.md has these rules as a table. */
import { VmgateError } from '../core/coded.ts';
import { errors } from './codes.ts';
import { compareVersions, type Definition, type GateDefinition, type VmDefinition } from './definition.ts';
import type { Parameter } from './parameters.ts';
import { conflictOf, tightenNeeds, tightenOnLoss, tightenVerify } from './tighten.ts';

/**
 * What `over` says wins, but where something is protected: there both count (see tighten.ts).
 *
 * @throws TEMPLATE_CONFLICT, TEMPLATE_BASE_REFUSED where the two are of different kinds
 */
export function extend(base: Definition, over: Definition): Definition {
  const { extends: _, ...child } = over;
  const common = {
    ...without({
      about: child.about ?? base.about,
      minimumVmgateVersion: newer(base.minimumVmgateVersion, child.minimumVmgateVersion),
      parameters: mergeParameters(base.parameters, child.parameters),
      vpn: tightenNeeds(base.vpn, child.vpn),
    }),
  };
  if (base.kind === 'work' && child.kind === 'work') return { ...child, ...common, vm: mergeVm(base.vm, child.vm) };
  if (base.kind === 'gate' && child.kind === 'gate') {
    const verify = tightenVerify(base.verify, child.verify);
    return { ...child, ...common, ...without({ verify, work: mergeWork(base.work, child.work) }) };
  }
  const why = `it is of kind ${base.kind}, and ${over.name} is of kind ${over.kind}`;
  throw VmgateError.of(errors.TEMPLATE_BASE_REFUSED, { base: base.name, why });
}

/** Without the members that are undefined. */
function without<T extends object>(value: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as {
    [K in keyof T]?: NonNullable<T[K]>;
  };
}

function newer(one: string | undefined, other: string | undefined): string | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return compareVersions(one, other) >= 0 ? one : other;
}

type Parameters = Definition['parameters'];

/** A parameter may get a default or other words, not another type: the places where it stands want that one. */
function mergeParameters(base: Parameters, over: Parameters): Parameters {
  if (base === undefined || over === undefined) return over ?? base;
  const merged: Record<string, Parameter> = { ...base };
  for (const [name, parameter] of Object.entries(over)) {
    const earlier = Object.hasOwn(base, name) ? base[name] : undefined;
    if (earlier !== undefined && earlier.type !== parameter.type) {
      throw conflictOf(`parameters.${name}.type`, earlier.type, parameter.type, 'a parameter has one type');
    }
    merged[name] = { ...earlier, ...parameter };
  }
  return merged as Parameters;
}

export function mergeVm(base: VmDefinition, over: VmDefinition): VmDefinition {
  const onLoss = tightenOnLoss(base.onLoss, over.onLoss);
  return { ...base, ...over, ...(onLoss === undefined ? {} : { onLoss }) };
}

function mergeWork(base: GateDefinition['work'], over: GateDefinition['work']): GateDefinition['work'] {
  if (base === undefined || over === undefined) return over ?? base;
  const merged = Object.entries(over).map(([name, vm]) => {
    const earlier = Object.hasOwn(base, name) ? base[name] : undefined;
    return [name, earlier === undefined ? vm : mergeVm(earlier, vm)] as const;
  });
  return { ...base, ...Object.fromEntries(merged) };
}
