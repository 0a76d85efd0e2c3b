/** From `vmgate vm VERB NAME` to that work VM at rest: its gate, its folder, its disk, and its entry in vmgate.yaml. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import type { LoadedConfig, WorkConfig } from '../config/index.ts';
import { bytesText } from '../core/amounts.ts';
import { VmgateError } from '../core/coded.ts';
import { workProcess } from '../drivers/index.ts';
import { openGate, writeFileAtomic } from '../home/index.ts';
import { hostPlatform } from '../host/index.ts';
import {
  imageBase,
  madeFromDisk,
  namedDisk,
  newestBase,
  type Task,
  type Vm,
  type VmDisk,
  whileStopped,
  workErrors,
} from '../work/index.ts';
import { errors } from './codes.ts';
import type { Context, Input } from './command.ts';
import { type Gate, gateOf, requireVm } from './gate-access.ts';
import { judgeProject, loadProject } from './project-config.ts';
import { confirm, projectFolder, requireConfirmed } from './project-files.ts';

export interface VmGate extends Gate {
  readonly loaded: LoadedConfig;
  /** `images/` of the home folder. */
  readonly images: string;
}

/** The gate, whose file was confirmed. @throws CONFIG_*, GATE_ORIGIN_GONE, TRUST_PROJECT_UNCONFIRMED */
export async function vmGateOf(context: Context, input: Input): Promise<VmGate> {
  const gate = await gateOf(context, input);
  const { loaded } = gate;
  if (loaded === undefined) {
    if (gate.fault !== undefined) throw gate.fault;
    const message = `the vmgate.yaml that gate ${gate.name} came up from is gone`;
    throw VmgateError.of(errors.CLI_USAGE, {
      message,
      hint: 'type it in the folder of its vmgate.yaml',
      command: 'vm',
    });
  }
  await requireConfirmed(context.home(), loaded);
  openGate(context.home(), gate.name);
  return { ...gate, loaded, images: context.home().images };
}

export function vmOf({ layout }: Gate, name: string): Vm {
  return { name, folder: layout.work(name) };
}

/** @throws GATE_UNKNOWN_VM */
export async function workOf(gate: VmGate, name: string): Promise<WorkConfig> {
  await requireVm(gate, name);
  const work = gate.loaded.config.work.find((each) => each.name === name);
  if (work === undefined) throw new Error(`requireVm let ${name} pass`);
  return work;
}

/**
 * @param which of the images that vmgate built: the one the VM was made from, or the one it would be made from now
 * @throws GATE_UNKNOWN_VM, WORK_VM_NO_DISK, WORK_IMAGE_*
 */
export async function vmDiskOf(gate: VmGate, name: string, which: 'made' | 'newest' = 'made'): Promise<VmDisk> {
  const { source } = await workOf(gate, name);
  const vm = vmOf(gate, name);
  if (source.kind === 'disk') return { ...vm, disk: source.disk };
  if (source.kind === 'oci') {
    const place = { folder: vm.folder, images: gate.images, arch: hostPlatform().arch };
    const { reference } = source;
    const disk =
      which === 'made' ? await madeFromDisk(name, reference, place) : (await namedDisk(name, reference, place)).path;
    return { ...vm, disk };
  }
  if (source.kind === 'template' && source.template !== 'tiny') {
    const [{ template }, { arch }] = [source, hostPlatform()];
    const { disk } =
      which === 'made'
        ? await imageBase(vm, template, gate.images, arch)
        : await newestBase(template, gate.images, arch);
    return { ...vm, disk };
  }
  const boots = source.kind === 'template' ? `the template ${source.template}` : 'a kernel';
  throw VmgateError.of(workErrors.WORK_VM_NO_DISK, { name, why: `it boots ${boots} and keeps nothing` });
}

/** @throws WORK_VM_RUNNING, WORK_VM_BUSY */
export function atRest<T>(vm: Vm, act: () => Promise<T>): Promise<T> {
  return whileStopped(vm, workProcess, act);
}

/** Progress in bytes, redrawn in place where that can be. */
export function taskOf({ out, interrupted }: Context, doing: string): Task {
  const told = { at: 0 };
  return {
    signal: interrupted,
    progress: (done, all) => {
      const now = Date.now();
      if (now - told.at < PROGRESS_MS && done < all) return;
      told.at = now;
      out.transient(done < all ? `${doing}: ${bytesText(done)} of ${bytesText(all)}` : '');
    },
  };
}

const PROGRESS_MS = 200;

/** A name for a new work VM. @throws CLI_USAGE, GATE_UNKNOWN_VM's opposite: WORK_VM_NAME_TAKEN */
export function requireNewName(gate: VmGate, name: string, command: string): Vm {
  if (!/^[a-z][a-z0-9-]{0,23}$/.test(name)) {
    const message = `${JSON.stringify(name.slice(0, 40))} cannot be the name of a work VM`;
    const hint = '1 to 24 of a-z, 0-9 and "-", beginning with a letter';
    throw VmgateError.of(errors.CLI_USAGE, { message, hint, command });
  }
  const vm = vmOf(gate, name);
  const known = gate.loaded.config.work.some((work) => work.name === name);
  if (known || existsSync(vm.folder)) throw VmgateError.of(workErrors.WORK_VM_NAME_TAKEN, vm);
  return vm;
}

/**
 * Changes vmgate.yaml and confirms it anew, for it was confirmed before. What would not be taken is not written.
 *
 * @throws CONFIG_*, HOME_WRITE_FAILED
 */
export async function changeConfig(
  context: Context,
  { loaded }: VmGate,
  change: (file: string, text: string) => string,
): Promise<void> {
  const text = change(loaded.path, readFileSync(loaded.path, 'utf8'));
  const home = context.home();
  await judgeProject(loaded.path, text, home);
  await writeFileAtomic(loaded.path, text, statSync(loaded.path).mode & 0o777);
  await confirm(home, await loadProject(projectFolder(loaded), home));
}

/** As the user would write it: below the home folder by `~`. */
export function shownPath(file: string, home: string): string {
  return file.startsWith(`${home}${path.sep}`) ? path.join('~', path.relative(home, file)) : file;
}
