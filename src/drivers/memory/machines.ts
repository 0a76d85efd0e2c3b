/**
 * The processes of an imaginary host. They belong to no driver object, so a second driver on the same `Machines` is a
 * new supervisor that finds what an earlier one left running.
 */
import { setImmediate as soon } from 'node:timers/promises';
import { VmgateError } from '../../core/coded.ts';
import { errors } from '../codes.ts';
import type { ProcessEnd } from '../driver.ts';
import { Faults } from './faults.ts';

const FIRST_PID = 1_000_000;

/** One imaginary process. */
export class MemoryMachine {
  readonly pid: number;
  readonly label: string;
  readonly folder: string;
  readonly ended: Promise<ProcessEnd>;
  end: ProcessEnd | undefined;
  status: 'prelaunch' | 'running' | 'paused' = 'prelaunch';
  /** Whoever talks QMP to it; one at a time. */
  controller: object | undefined;
  readonly #resolve: (end: ProcessEnd) => void;

  constructor(pid: number, label: string, folder: string) {
    this.pid = pid;
    this.label = label;
    this.folder = folder;
    const { promise, resolve } = settleable<ProcessEnd>();
    this.ended = promise;
    this.#resolve = resolve;
  }

  finish(by: ProcessEnd['by'], detail: string): void {
    if (this.end !== undefined) return;
    this.end = { by, detail };
    this.controller = undefined;
    this.#resolve(this.end);
  }

  /** @throws DRIVER_GONE */
  mustRun(): void {
    if (this.end === undefined) return;
    throw VmgateError.of(errors.DRIVER_GONE, { machine: this.label, detail: this.end.detail });
  }
}

export class Machines<M extends MemoryMachine> {
  readonly faults = new Faults();
  /** Names of the calls made, in order. */
  readonly calls: string[] = [];
  readonly #byFolder = new Map<string, M>();
  #lastPid = FIRST_PID;

  nextPid(): number {
    this.#lastPid += 1;
    return this.#lastPid;
  }

  /** The running machine of a folder: what the pidfile's lock tells about a real one. */
  running(folder: string): M | undefined {
    const machine = this.#byFolder.get(folder);
    return machine?.end === undefined ? machine : undefined;
  }

  /** Running or not. */
  last(folder: string): M | undefined {
    return this.#byFolder.get(folder);
  }

  /** @throws DRIVER_ALREADY_RUNNING */
  add(machine: M): void {
    const { label, folder } = machine;
    if (this.running(folder) !== undefined) {
      throw VmgateError.of(errors.DRIVER_ALREADY_RUNNING, { machine: label, pidfile: `${folder}/qemu.pid` });
    }
    this.#byFolder.set(folder, machine);
  }

  /** The supervisor's death: every connection is gone, every machine runs on. */
  disconnectAll(): void {
    for (const machine of this.#byFolder.values()) machine.controller = undefined;
  }

  /** Every call of a driver passes here: it is counted, takes a turn of the event loop, and meets its fault. */
  async enter(call: string, machine?: MemoryMachine): Promise<void> {
    this.calls.push(call);
    const fault = this.faults.take(call);
    await soon();
    if (fault === 'hang') await new Promise(() => {});
    if (fault === 'die') machine?.finish('unknown', `died in ${call}`);
    if (fault !== undefined) {
      throw VmgateError.of(errors.DRIVER_GONE, {
        machine: machine?.label ?? 'the machine',
        detail: `fault in ${call}`,
      });
    }
  }
}

function settleable<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
