/** A laptop with one work VM `win` that boots a disk: real files, real qemu-img, commands typed in this process. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Laptop, type Typed } from '../../unit/cli/command-line.ts';

export const BASE_BYTES = 16 * 1_048_576;

export class VmDesk extends Laptop {
  readonly base = path.join(this.project, 'acme.qcow2');
  readonly vmFolder = this.layout.gate('default').work('win');
  readonly overlay = path.join(this.vmFolder, 'overlay.qcow2');

  /** `vmgate.yaml` with a comment, confirmed, and a base that holds 0x11 in its first megabyte. */
  async open(): Promise<this> {
    qemuImg('create', '-q', '-f', 'qcow2', this.base, String(BASE_BYTES));
    fill(this.base, 0x11);
    this.write(
      'vmgate.yaml',
      'version: 1\nvpn: acme\nwork:\n  # The one for accounting.\n  win: {disk: ./acme.qcow2, memory: 1GiB}\n  web: {template: tiny}\n',
    );
    await this.type('trust');
    return this;
  }

  /** As if the VM had run and written `byte` over its first megabyte. */
  ran(byte = 0x22): void {
    if (!this.has(this.overlay)) {
      mkdirSync(this.vmFolder, { recursive: true });
      qemuImg('create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', this.base, this.overlay);
    }
    fill(this.overlay, byte);
  }

  /** The byte that the VM would read at `offset`. */
  reads(overlay = this.overlay, offset = 0): number {
    const raw = path.join(this.folder, 'read.raw');
    qemuImg('convert', '-q', '-O', 'raw', overlay, raw);
    return readFileSync(raw)[offset] ?? -1;
  }

  digest(file = this.base): string {
    return `sha256:${createHash('sha256').update(readFileSync(file)).digest('hex')}`;
  }

  has(file: string): boolean {
    try {
      readFileSync(file);
      return true;
    } catch {
      return false;
    }
  }

  vm(...argv: readonly string[]): Promise<Typed> {
    return this.type('vm', ...argv);
  }
}

export function qemuImg(...argv: readonly string[]): string {
  return execFileSync('qemu-img', argv, { encoding: 'utf8' });
}

/** Writes `byte` over the first megabyte, as a guest would. */
export function fill(file: string, byte: number, bytes = '1M'): void {
  execFileSync('qemu-io', ['-f', 'qcow2', '-c', `write -q -P ${byte} 0 ${bytes}`, file]);
}

/** Random bytes, so that nothing is sparse. */
export function randomRaw(file: string, bytes: number): void {
  writeFileSync(file, execFileSync('head', ['-c', String(bytes), '/dev/urandom'], { maxBuffer: bytes * 2 }));
}
