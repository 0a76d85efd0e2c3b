/**
 * Which accelerator really runs guests here. A device node proves nothing: /dev/kvm may open, and then the guest hangs
 * or QEMU aborts (seen in nested and container set-ups). So a guest is run: one that goes the way of a kernel's first
 * steps and then switches itself off. Only a QEMU that ends the way that guest ends it has executed them.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { type Run, sha256 } from '../../host/index.ts';
import type { Arch } from '../driver.ts';
import type { AcceleratorName } from './argv.ts';
import { AMD64_PROBE, ARM64_PROBE } from './probe-firmware.ts';

/** Working KVM needs 0.1 s here; a loaded laptop several times that. */
const PROBE_TIMEOUT_MS = 1_500;

export type ProbeResult = { readonly works: true } | { readonly works: false; readonly why: string };

interface ProbeGuest {
  /** Changes with what the guest does. */
  readonly id: string;
  readonly rom: Buffer;
  readonly argv: readonly string[];
  /** Exit status of QEMU when the guest has run. */
  readonly status: number;
}

export const PROBE_GUESTS: Readonly<Record<Arch, ProbeGuest>> = {
  amd64: {
    id: sha256(AMD64_PROBE),
    rom: AMD64_PROBE,
    argv: ['-machine', 'q35', '-device', 'isa-debug-exit,iobase=0xf4,iosize=4'],
    status: 0x55,
  },
  arm64: { id: sha256(ARM64_PROBE), rom: ARM64_PROBE, argv: ['-machine', 'virt'], status: 0 },
};

/** Runs the probe guest of `arch` with `accel`. Takes at most 1.5 s (and QEMU's own end). */
export async function probeAccelerator(
  binary: string,
  arch: Arch,
  accel: AcceleratorName,
  run: Run,
): Promise<ProbeResult> {
  const guest = PROBE_GUESTS[arch];
  const folder = await mkdtemp(path.join(os.tmpdir(), 'vmgate-probe-'));
  try {
    const rom = path.join(folder, 'rom');
    await writeFile(rom, guest.rom);
    const argv = [
      ...['-no-user-config', '-nodefaults', '-display', 'none', '-m', '32M', '-no-reboot'],
      ...['-accel', accel, '-cpu', accel === 'tcg' ? 'max' : 'host'],
      ...guest.argv,
      ...['-bios', rom],
    ];
    const result = await run({ tool: binary, argv, timeoutMs: PROBE_TIMEOUT_MS });
    if (result.code === guest.status && !result.timedOut) return { works: true };
    return { works: false, why: obstacle(result) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A QEMU whose KVM gave up says so in its first line, prints the registers and stands still. */
function obstacle({ stderr, timedOut }: { readonly stderr: string; readonly timedOut: boolean }): string {
  const [first = '', ...rest] = stderr.trim().split('\n');
  if (/internal error/i.test(first)) return `it cannot run a kernel's instructions (${first.trim()})`;
  return timedOut ? 'no guest instruction ran' : (rest.at(-1) ?? first) || 'QEMU ended at once';
}
