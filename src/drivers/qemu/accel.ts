/**
 * Which accelerator really runs guests here. A device node proves nothing: /dev/kvm may open, and then the guest hangs
 * or QEMU aborts (seen in nested and container set-ups). So a guest is run: one that switches itself off as its first
 * act. Only a QEMU that ends the way that guest ends it has executed an instruction.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Run } from '../../host/index.ts';
import type { Arch } from '../driver.ts';
import type { AcceleratorName } from './argv.ts';

/** Working KVM needs 0.1 s here; a loaded laptop several times that. */
const PROBE_TIMEOUT_MS = 1_500;

export type ProbeResult = { readonly works: true } | { readonly works: false; readonly why: string };

interface ProbeGuest {
  readonly rom: Buffer;
  readonly argv: readonly string[];
  /** Exit status of QEMU when the guest has run. */
  readonly status: number;
}

/** Runs the probe guest of `arch` with `accel`. Takes at most 1.5 s (and QEMU's own end). */
export async function probeAccelerator(
  binary: string,
  arch: Arch,
  accel: AcceleratorName,
  run: Run,
): Promise<ProbeResult> {
  const guest = arch === 'amd64' ? AMD64 : ARM64;
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
    const lastLine = result.stderr.trim().split('\n').at(-1) ?? '';
    return { works: false, why: result.timedOut ? 'no guest instruction ran' : lastLine || 'QEMU ended at once' };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * x86 starts at the last 16 bytes of the firmware: `mov al, 0x2a; out 0xf4, al; hlt`. The debug-exit device turns the
 * byte into the exit status 2 * 0x2a + 1.
 */
const AMD64: ProbeGuest = {
  rom: resetVector(65_536, [0xb0, 0x2a, 0xe6, 0xf4, 0xf4, 0xeb, 0xfd]),
  argv: ['-machine', 'q35', '-device', 'isa-debug-exit,iobase=0xf4,iosize=4'],
  status: 0x55,
};

/**
 * `virt` starts at the first byte of its flash: PSCI SYSTEM_OFF (0x84000008) by hypervisor call, Arm DEN 0022.
 * `movz w0, #8; movk w0, #0x8400, lsl #16; hvc #0; b .`
 */
const ARM64: ProbeGuest = {
  rom: words([0x52800100, 0x72b08000, 0xd4000002, 0x14000000]),
  argv: ['-machine', 'virt'],
  status: 0,
};

function resetVector(size: number, code: readonly number[]): Buffer {
  const rom = Buffer.alloc(size);
  rom.set(code, size - 16);
  return rom;
}

function words(code: readonly number[]): Buffer {
  const rom = Buffer.alloc(4_096);
  for (const [index, word] of code.entries()) rom.writeUInt32LE(word, index * 4);
  return rom;
}
