/** The QEMU of this machine: where it is, how old, what it can. Found once, remembered until QEMU or the boot changes. */
import { constants } from 'node:fs';
import { access, readFile, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import * as z from 'zod';
import { type CodedEvent, occur, VmgateError } from '../../core/coded.ts';
import { hostPlatform, installLine, type Run, requireTool, run } from '../../host/index.ts';
import { errors, events } from '../codes.ts';
import type { Arch } from '../driver.ts';
import { PROBE_GUESTS, probeAccelerator } from './accel.ts';
import { type AcceleratorName, type Capabilities, SANDBOX } from './argv.ts';

/** First release with `dgram` netdevs, which work links are made of. */
const OLDEST = [7, 2] as const;
const BINARIES: Readonly<Record<Arch, string>> = { amd64: 'qemu-system-x86_64', arm64: 'qemu-system-aarch64' };
/** Where packages put UEFI: Homebrew (two prefixes), Debian, Fedora, Arch. For amd64 the files that hold their own variables come first. */
export const FIRMWARE: Readonly<Record<Arch, readonly string[]>> = {
  arm64: [
    '/opt/homebrew/share/qemu/edk2-aarch64-code.fd',
    '/usr/local/share/qemu/edk2-aarch64-code.fd',
    '/usr/share/qemu-efi-aarch64/QEMU_EFI.fd',
    '/usr/share/edk2/aarch64/QEMU_EFI.fd',
    '/usr/share/edk2/aarch64/QEMU_CODE.fd',
    '/usr/share/qemu/edk2-aarch64-code.fd',
  ],
  amd64: [
    '/usr/share/ovmf/OVMF.fd',
    '/usr/share/qemu/OVMF.fd',
    '/opt/homebrew/share/qemu/edk2-x86_64-code.fd',
    '/usr/local/share/qemu/edk2-x86_64-code.fd',
    '/usr/share/edk2/ovmf/OVMF_CODE.fd',
    '/usr/share/edk2/x64/OVMF.4m.fd',
    '/usr/share/edk2/x64/OVMF_CODE.4m.fd',
    '/usr/share/qemu/edk2-x86_64-code.fd',
  ],
};

const accelerator = z.enum(['kvm', 'hvf', 'tcg']);
const remembered = z.strictObject({
  key: z.string(),
  version: z.string(),
  sandbox: z.boolean(),
  accel: accelerator,
  /** Why the hardware's own accelerator is not used. */
  fallback: z.strictObject({ wanted: accelerator, why: z.string() }).optional(),
});
type Remembered = z.infer<typeof remembered>;

export interface Qemu extends Capabilities {
  readonly binary: string;
  readonly version: string;
}

/** Programs that take the place of this machine's QEMU, by the kind of guest they run: absolute paths. */
export type QemuPrograms = Readonly<Partial<Record<Arch, string | undefined>>>;

export interface InstallationOptions {
  /** File in the home folder that keeps the probe's result; without it each process probes. */
  readonly cacheFile?: string;
  /** Value of VMGATE_ACCEL. */
  readonly forcedAccel?: string | undefined;
  /** Only the lab hands them in, to try a gate on another version; everybody else gets the machine's own. */
  readonly programs?: QemuPrograms | undefined;
  readonly run?: Run;
  readonly onEvent?: (event: CodedEvent) => void;
}

export class Installation {
  readonly #options: InstallationOptions;
  readonly #run: Run;
  readonly #found = new Map<Arch, Promise<Qemu>>();

  constructor(options: InstallationOptions = {}) {
    this.#options = options;
    this.#run = options.run ?? run;
  }

  /**
   * @throws HOST_TOOL_MISSING, DRIVER_QEMU_TOO_OLD, DRIVER_QEMU_UNUSABLE, DRIVER_ACCEL_UNKNOWN,
   *   DRIVER_ACCEL_UNAVAILABLE, DRIVER_KVM_PERMISSION
   */
  find(arch: Arch): Promise<Qemu> {
    const known = this.#found.get(arch);
    if (known !== undefined) return known;
    const found = this.#find(arch);
    this.#found.set(arch, found);
    found.catch(() => this.#found.delete(arch)); // The user may install it and try again.
    return found;
  }

  async #find(arch: Arch): Promise<Qemu> {
    const forced = parseForced(this.#options.forcedAccel);
    const binary = requireTool(this.#options.programs?.[arch] ?? BINARIES[arch]);
    const key = await cacheKey(binary, arch, forced);
    const cached = await this.#recall(key);
    const facts = cached ?? (await this.#examine(binary, arch, forced, key));
    if (cached === undefined) await this.#remember(facts);
    const { version, sandbox, accel, fallback } = facts;
    if (fallback !== undefined) {
      this.#options.onEvent?.(occur(events.DRIVER_ACCEL_FALLBACK, { ...fallback, using: accel }));
    }
    const firmware = await firstReadable(FIRMWARE[arch]);
    return { binary, version, sandbox, accel, ...(firmware === undefined ? {} : { firmware }) };
  }

  async #examine(binary: string, arch: Arch, forced: AcceleratorName | undefined, key: string): Promise<Remembered> {
    const sandboxed = await this.#run({ tool: binary, argv: ['-sandbox', SANDBOX, '--version'], timeoutMs: 10_000 });
    const sandbox = sandboxed.code === 0;
    const plain = sandbox ? sandboxed : await this.#run({ tool: binary, argv: ['--version'], timeoutMs: 10_000 });
    const version = /version (\d+\.\d+(?:\.\d+)?)/.exec(plain.stdout)?.[1];
    if (plain.code !== 0 || version === undefined) {
      const outcome = plain.code === 0 ? 'it does not say its version' : `it ended with status ${plain.code}`;
      const evidence = plain.stderr.split('\n');
      throw VmgateError.of(errors.DRIVER_QEMU_UNUSABLE, { binary, outcome }, { evidence });
    }
    refuseOld(binary, version);
    return { key, version, sandbox, ...(await this.#accelerate(binary, arch, forced)) };
  }

  async #accelerate(
    binary: string,
    arch: Arch,
    forced: AcceleratorName | undefined,
  ): Promise<Pick<Remembered, 'accel' | 'fallback'>> {
    const wanted = forced ?? nativeAccelerator(arch);
    if (wanted === 'tcg') return { accel: 'tcg' };
    const why = await this.#obstacle(binary, arch, wanted);
    if (why === undefined) return { accel: wanted };
    if (forced === undefined) return { accel: 'tcg', fallback: { wanted, why } };
    if (why === KVM_NOT_PERMITTED) {
      throw VmgateError.of(errors.DRIVER_KVM_PERMISSION, { device: KVM, user: os.userInfo().username });
    }
    throw VmgateError.of(errors.DRIVER_ACCEL_UNAVAILABLE, { accel: forced, why });
  }

  async #obstacle(binary: string, arch: Arch, accel: AcceleratorName): Promise<string | undefined> {
    if (accel === 'kvm') {
      if (!(await accessible(KVM, constants.F_OK))) return `there is no ${KVM}`;
      if (!(await accessible(KVM, constants.R_OK | constants.W_OK))) return KVM_NOT_PERMITTED;
    }
    const probe = await probeAccelerator(binary, arch, accel, this.#run);
    return probe.works ? undefined : probe.why.slice(0, 200);
  }

  async #recall(key: string): Promise<Remembered | undefined> {
    if (this.#options.cacheFile === undefined) return undefined;
    try {
      const parsed = z
        .array(remembered)
        .max(8)
        .safeParse(JSON.parse(await readFile(this.#options.cacheFile, 'utf8')));
      return parsed.success ? parsed.data.find((entry) => entry.key === key) : undefined;
    } catch {
      return undefined;
    }
  }

  /** A cache that cannot be written costs the next `up` the probe, nothing else. */
  async #remember(facts: Remembered): Promise<void> {
    if (this.#options.cacheFile === undefined) return;
    await writeFile(this.#options.cacheFile, JSON.stringify([facts]), { mode: 0o600 }).catch(() => {});
  }
}

const KVM = '/dev/kvm';
export const KVM_NOT_PERMITTED = `this user may not open ${KVM}`;

function parseForced(value: string | undefined): AcceleratorName | undefined {
  if (value === undefined || value === '') return undefined;
  const parsed = accelerator.safeParse(value);
  if (!parsed.success) throw VmgateError.of(errors.DRIVER_ACCEL_UNKNOWN, { value: value.slice(0, 40) });
  return parsed.data;
}

/** Hardware virtualisation runs only guests of the host's own kind. */
function nativeAccelerator(arch: Arch): AcceleratorName {
  const host = hostPlatform();
  if (host.arch !== arch) return 'tcg';
  return host.os === 'macos' ? 'hvf' : 'kvm';
}

function refuseOld(binary: string, version: string): void {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return;
  const install = installLine(binary.split('/').at(-1) ?? binary);
  throw VmgateError.of(errors.DRIVER_QEMU_TOO_OLD, { binary, version, needed: OLDEST.join('.'), install });
}

/** Another binary, a boot in which virtualisation was switched on, or a better probe: it must be looked at again. */
async function cacheKey(binary: string, arch: Arch, forced: AcceleratorName | undefined): Promise<string> {
  const { mtimeMs, size } = await stat(binary);
  const kvm = await stat(KVM).then(
    ({ ctimeMs }) => ctimeMs,
    () => 0,
  );
  return [binary, mtimeMs, size, arch, forced ?? 'auto', kvm, await bootId(), PROBE_GUESTS[arch].id].join(' ');
}

/** On macOS the boot has no id to read without a tool; hvf does not come and go between boots. */
function bootId(): Promise<string> {
  return readFile('/proc/sys/kernel/random/boot_id', 'utf8').then(
    (text) => text.trim(),
    () => os.release(),
  );
}

async function firstReadable(files: readonly string[]): Promise<string | undefined> {
  for (const file of files) if (await accessible(file, constants.R_OK)) return file;
  return undefined;
}

function accessible(file: string, mode: number): Promise<boolean> {
  return access(file, mode).then(
    () => true,
    () => false,
  );
}
