/** Findings about the machine: what vmgate runs on and with. */
import { readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { CodedEvent } from '../../core/coded.ts';
import { Installation, KVM_NOT_PERMITTED } from '../../drivers/index.ts';
import { findTool, hostPlatform, installLine, wallMs } from '../../host/index.ts';
import { type Examination, type Finding, faulty, note, ok, wrong } from './finding.ts';

/** No honest clock shows less: this version did not exist before. */
const RELEASED = Date.UTC(2026, 0, 1);
const END_OF_TIME = Date.UTC(2100, 0, 1);

export interface MachineMeans {
  /** Undefined: the home folder cannot be used, and each probe is made anew. */
  readonly home: string | undefined;
  readonly forcedAccel: string | undefined;
  readonly ignoredEnvironment: readonly string[];
}

export function machineExaminations({ home, forcedAccel, ignoredEnvironment }: MachineMeans): readonly Examination[] {
  return [
    async () => [ok('node', `Node ${process.versions.node}`)],
    async () => [ok('platform', `${hostPlatform().name}, ${hostPlatform().arch}`)],
    () => qemuFindings(home, forcedAccel),
    async () => [toolFinding('qemu-img', 'work VMs on disks need it'), toolFinding('ssh', 'vmgate ssh uses it')],
    async () => [clockFinding(wallMs())],
    async () => [swapFinding(await readFile('/proc/swaps', 'utf8').catch(() => ''))],
    async () => [environmentFinding(ignoredEnvironment)],
  ];
}

async function qemuFindings(home: string | undefined, forcedAccel: string | undefined): Promise<readonly Finding[]> {
  const told: CodedEvent[] = [];
  const cacheFile = home === undefined ? {} : { cacheFile: path.join(home, 'qemu.json') };
  try {
    const installation = new Installation({ ...cacheFile, forcedAccel, onEvent: (event) => told.push(event) });
    const { binary, version, accel } = await installation.find(hostPlatform().arch);
    const slow = 'guests are translated, instruction by instruction: safe, but several times slower';
    return [
      ok('qemu', `QEMU ${version} (${binary})`),
      ...told.map(({ text, payload }) => note('accelerator', text, slow, accelerate(payload))),
      ...(told.length === 0 ? [ok('accelerator', accel)] : []),
    ];
  } catch (cause) {
    return [faulty('qemu', cause, 'gateway and work VMs run in QEMU')];
  }
}

/** What to do about the fallback: a device that is there and closed to this user is one command away. */
function accelerate(payload: unknown): string {
  const { why } = payload as { readonly why?: string };
  if (why === KVM_NOT_PERMITTED) return `sudo usermod -aG kvm ${os.userInfo().username}   (then log in again)`;
  return 'switch virtualisation on in the firmware, or outside of this machine if it is itself a VM';
}

function toolFinding(tool: string, why: string): Finding {
  const file = findTool(tool);
  return file === undefined ? note(tool, `${tool} is not installed`, why, installLine(tool)) : ok(tool, file);
}

export function clockFinding(nowMs: number): Finding {
  const shown = new Date(nowMs).toISOString();
  if (nowMs >= RELEASED && nowMs < END_OF_TIME) return ok('clock', shown);
  const why = 'certificates, WireGuard handshakes and receipts depend on it';
  return wrong('clock', `the clock shows ${shown}`, why, 'set the clock; vmgate does not ask the network for the time');
}

/** `proc`: /proc/swaps, a heading and one line each; empty on macOS, where swap is always encrypted. */
export function swapFinding(proc: string): Finding {
  const areas = proc
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split(/\s+/)[0] ?? '');
  const onDisk = areas.filter((area) => !area.startsWith('/dev/zram'));
  if (onDisk.length === 0) return ok('swap', 'none on disk');
  const why =
    'memory of the gateway, VPN keys included, may be written there; if it is not encrypted it stays readable';
  return note('swap', `swap is on: ${onDisk.join(', ')}`, why, 'sudo swapoff -a, or use encrypted swap');
}

function environmentFinding(ignored: readonly string[]): Finding {
  if (ignored.length === 0) return ok('environment', 'nothing in it that vmgate has to ignore');
  const why = 'they weaken TLS, add proxies or load code, so vmgate does without them';
  return note('environment', `ignored: ${ignored.join(', ')}`, why, 'nothing to do; unset them to be rid of this line');
}
