/** Provision scripts that are files of a template, as text: what a VM runs is in one place, and is confirmed as one. */
import { isUtf8 } from 'node:buffer';
import { pieces } from '../config/index.ts';
import type { Definition, VmDefinition } from './definition.ts';
import type { TemplateFile } from './files.ts';

type Refusal = (key: readonly PropertyKey[], message: string) => Error;

/** @throws what `refuse` makes of a file that is not there or no script */
export function withScripts(definition: Definition, files: readonly TemplateFile[], refuse: Refusal): Definition {
  const inline = (vm: VmDefinition, at: readonly PropertyKey[]): VmDefinition => {
    if (vm.provision === undefined) return vm;
    const provision = vm.provision.map(({ name, script, file }, index) => {
      if (file === undefined) return { name, script };
      const key = [...at, 'provision', index, 'file'];
      return { name, script: textOf(files, file, (message) => refuse(key, message)) };
    });
    return { ...vm, provision };
  };
  if (definition.kind === 'work') return { ...definition, vm: inline(definition.vm, ['vm']) };
  const { work } = definition;
  if (work === undefined) return definition;
  const vms = Object.entries(work).map(([name, vm]) => [name, inline(vm, ['work', name])] as const);
  return { ...definition, work: Object.fromEntries(vms) };
}

function textOf(files: readonly TemplateFile[], name: string, refuse: (message: string) => Error): string {
  const found = files.find((file) => file.path === name.slice('./'.length));
  if (found === undefined) throw refuse(`there is no file ${name} in this template`);
  const text = Buffer.from(found.content).toString('utf8');
  if (!isUtf8(found.content) || !pieces.script.safeParse(text).success)
    throw refuse(`${name} must be a script: text of 1 to 32768 characters`);
  return text;
}
