/**
 * The two driver interfaces. `qemu/` is the real one, `memory/` a stateful model for tests; both pass the conformance
 * suite in test/contract/drivers.
 *
 * Call order: GatewayHost.boot -> RunningGateway.* -> kill. WorkHost.start -> facts -> setLink(true) -> resume.
 * Every method that ends something is idempotent and leaves nothing behind.
 */
import type { Duplex } from 'node:stream';
import type { LinkPlan } from '../core/link-plan.ts';
import type { MachineFacts } from '../core/machine-facts.ts';

export type Arch = 'amd64' | 'arm64';

/** The gateway's connection to the untrusted network. `wire` is made only by the lab. */
export type UplinkAttachment =
  | { readonly kind: 'user' }
  | { readonly kind: 'wire'; readonly localPath: string; readonly remotePath: string };

export interface GatewayBoot {
  /** Folder (0700) for sockets, pidfile and logs of this gateway; made by the caller, emptied by `kill`. */
  readonly runFolder: string;
  /** Read-only copies inside `runFolder`, whose digests the caller has checked. `initramfs` is unlinked once QEMU has read it. */
  readonly kernel: string;
  readonly initramfs: string;
  readonly arch: Arch;
  readonly memoryMiB: number;
  readonly cpus: number;
  readonly plan: LinkPlan;
  readonly uplink: UplinkAttachment;
  /** Where the wire of each link ends: `gatewayPath` is bound by the gateway, `guestPath` by the work VM. */
  readonly wires: readonly { readonly ifname: string; readonly gatewayPath: string; readonly guestPath: string }[];
  /** Lab only: a pcap of what really left towards the uplink, written by QEMU behind the guard. */
  readonly witness?: string;
  /** Lab only: a socket where QEMU takes orders beside ours. */
  readonly monitor?: string;
}

/** vmgate's own stand on the probe link: frames in as if a VM had sent them, and what the gateway sent back. */
export interface ProbeWire {
  /** Injects one Ethernet frame (14..1514 bytes, no FCS). */
  send(frame: Buffer): void;
  /** Frames the gateway put on the link; must be read continuously (an unread mirror hangs QMP). */
  onFrame(listener: (frame: Buffer) => void): void;
  close(): Promise<void>;
}

export interface ProcessEnd {
  /** `guest` (poweroff, panic), `host` (we or somebody killed it), `unknown`. */
  readonly by: 'guest' | 'host' | 'unknown';
  readonly detail: string;
}

export interface RunningGateway {
  readonly pid: number;
  /** Resolves once, when the process is gone for whatever reason. Never rejects. */
  readonly ended: Promise<ProcessEnd>;
  /** Paths the guard connects to; nothing leaves before it does. */
  readonly guardSockets: { readonly outgoing: string; readonly released: string };
  /** Byte stream to the guest's SSH relay. One at a time. @throws DRIVER_CONTROL_UNREACHABLE */
  openControl(): Promise<Duplex>;
  /** One at a time; removes its filters and chardevs on `close`. */
  openProbe(): Promise<ProbeWire>;
  /** The last 64 KiB the guest wrote to its serial console, also after its end. Hostile text. */
  consoleTail(): string;
  /** SIGKILL and wait; removes sockets and copies. Idempotent. */
  kill(): Promise<void>;
}

export interface GatewayHost {
  readonly name: string;
  /** Resolves as soon as the machine runs (CPU started, sockets there); readiness is the control channel's matter. */
  boot(spec: GatewayBoot): Promise<RunningGateway>;
  /** Kills what an earlier supervisor left in `runFolder`, judged by the pidfile's lock, and empties the folder. */
  reap(runFolder: string): Promise<void>;
}

/** How a work VM boots. Every path was inspected (src/work) before it comes here. */
export type WorkBoot =
  | ({ readonly kind: 'kernel' } & KernelBoot)
  | {
      readonly kind: 'disk';
      readonly overlay: string;
      readonly base: DiskLayer;
      /** What boots it; its firmware does unless said. */
      readonly kernel?: KernelBoot;
      /** A NoCloud seed: a read-only raw image beside the disk, and the only other one there may be. */
      readonly seed?: string;
    };

export interface KernelBoot {
  readonly kernel: string;
  readonly initramfs: string;
  readonly append: string;
}

/**
 * How a work VM is looked at: not at all; in a window that QEMU itself opens on the desktop of whoever started it; or by
 * VNC, on a socket in the VM's folder that only its owner can open.
 */
export type WorkDisplay = 'none' | 'window' | 'vnc';

/** A disk that is only read. */
export interface DiskLayer {
  readonly path: string;
  readonly format: 'qcow2' | 'raw';
  /** What it lies over itself: the user's disk, where this is the VM's own overlay and a disposable one lies on top. */
  readonly over?: DiskLayer;
}

export interface WorkSpec {
  readonly name: string;
  readonly folder: string;
  readonly arch: Arch;
  readonly memoryMiB: number;
  readonly cpus: number;
  readonly hardware: 'virtio' | 'compat';
  /** What boots a disk; an arm64 machine knows only UEFI, whatever this says. */
  readonly firmware: 'bios' | 'uefi';
  readonly display: WorkDisplay;
  readonly mac: string;
  readonly wire: { readonly localPath: string; readonly remotePath: string };
  readonly boot: WorkBoot;
}

export interface RunningWork {
  readonly pid: number;
  readonly ended: Promise<ProcessEnd>;
  /** Byte stream of the serial console: a unix socket path. */
  readonly consolePath: string;
  /** What the hypervisor says the machine consists of, now. */
  facts(): Promise<MachineFacts>;
  setLink(up: boolean): Promise<void>;
  resume(): Promise<void>;
  pause(): Promise<void>;
  /**
   * Writes what its screen shows to `file`, as PNG; whatever state it is in. The file is made new, and its size is the
   * guest's choice: up to some 64 MiB.
   */
  screenshot(file: string): Promise<void>;
  /** ACPI power button; returns at once. */
  powerDown(): Promise<void>;
  /** Link down, SIGKILL, wait, remove sockets. Idempotent. */
  kill(): Promise<void>;
  /** Lets go of the process without ending it (a supervisor that leaves work VMs for its successor). */
  release(): void;
}

export interface WorkHost {
  readonly name: string;
  /** The process exists afterwards, CPU frozen, link down. @throws DRIVER_ALREADY_RUNNING */
  start(spec: WorkSpec): Promise<RunningWork>;
  /** The running process of `folder`, judged by pidfile lock and QMP; undefined when there is none. Its link is set down first. */
  adopt(spec: Pick<WorkSpec, 'name' | 'folder'>): Promise<RunningWork | undefined>;
  /** True while a process holds the pidfile's lock. */
  isRunning(folder: string): Promise<boolean>;
  /** SIGKILL for whatever holds the lock, also one that hangs or talks to somebody else; its disks stay. Idempotent. */
  reap(folder: string): Promise<void>;
}
