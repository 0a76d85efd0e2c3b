import { error, errorCodes, event, eventCodes } from '../core/coded.ts';

/** `machine`: what a person calls it, `the gateway` or `work VM web`. */
interface Machine {
  readonly machine: string;
}

export const errors = errorCodes({
  DRIVER_QEMU_TOO_OLD: error<{ binary: string; version: string; needed: string; install: string }>({
    exit: 3,
    source: 'environment',
    what: ({ binary, version, needed }) => `${binary} is version ${version}; vmgate needs ${needed} or newer`,
    remedy: ({ install, needed }) =>
      `${install}   (Debian 12, Ubuntu 24.04, Fedora 38 and later have ${needed}; an older system needs an upgrade)`,
    sample: {
      binary: '/usr/bin/qemu-system-x86_64',
      version: '6.2.0',
      needed: '7.2',
      install: 'sudo apt-get install --no-install-recommends -y qemu-system-x86',
    },
  }),
  DRIVER_QEMU_UNUSABLE: error<{ binary: string; outcome: string }>({
    exit: 3,
    source: 'environment',
    what: ({ binary, outcome }) => `${binary} does not run: ${outcome}`,
    remedy: ({ binary }) => `see what it says: ${binary} --version`,
    sample: { binary: '/usr/bin/qemu-system-x86_64', outcome: 'it ended with status 127' },
  }),
  DRIVER_FIRMWARE_MISSING: error<{ arch: string; searched: readonly string[]; install: string }>({
    exit: 3,
    source: 'environment',
    what: ({ arch }) => `this disk boots by UEFI, and no UEFI firmware for ${arch} was found`,
    remedy: ({ install }) => install,
    sample: {
      arch: 'arm64',
      searched: ['/usr/share/AAVMF/AAVMF_CODE.fd'],
      install: 'sudo apt-get install --no-install-recommends -y qemu-efi-aarch64',
    },
  }),
  DRIVER_WINDOW_MISSING: error<{ binary: string; toolkit: string; install: string }>({
    exit: 3,
    source: 'environment',
    what: ({ binary, toolkit }) => `${binary} cannot open a window: it lacks its part for ${toolkit}`,
    remedy: ({ install }) => `${install}   (or say display: vnc, which needs no part of QEMU's)`,
    sample: {
      binary: '/usr/bin/qemu-system-x86_64',
      toolkit: 'gtk',
      install: 'sudo apt-get install --no-install-recommends -y qemu-system-gui',
    },
  }),
  DRIVER_NO_DESKTOP: error<{ toolkit: string }>({
    exit: 3,
    source: 'environment',
    what: () =>
      'there is no desktop to open a window on: vmgate up was typed where neither DISPLAY nor WAYLAND_DISPLAY led to one',
    remedy: () => 'say display: vnc in vmgate.yaml, or in a terminal of the desktop: vmgate down && vmgate up',
    sample: { toolkit: 'gtk' },
  }),
  DRIVER_SCREEN_MISSING: error<Machine & { device: string; install: string }>({
    exit: 3,
    source: 'environment',
    what: ({ machine, device }) => `this QEMU lacks ${device}, which the screen of ${machine} needs`,
    remedy: ({ install }) => `${install}   (or say display: none)`,
    sample: {
      machine: 'work VM web',
      device: 'virtio-gpu-pci',
      install: 'sudo dnf install -y qemu-device-display-virtio-gpu-pci',
    },
  }),
  DRIVER_ACCEL_UNAVAILABLE: error<{ accel: string; why: string }>({
    exit: 3,
    source: 'environment',
    what: ({ accel, why }) => `the accelerator ${accel} does not work here: ${why}`,
    remedy: () => 'leave VMGATE_ACCEL unset (vmgate then picks what works), or set VMGATE_ACCEL=tcg',
    sample: { accel: 'hvf', why: 'this QEMU was built without it' },
  }),
  DRIVER_ACCEL_UNKNOWN: error<{ value: string }>({
    exit: 2,
    source: 'user',
    what: ({ value }) => `VMGATE_ACCEL=${value} is no accelerator`,
    remedy: () => 'use kvm, hvf or tcg, or leave VMGATE_ACCEL unset',
    sample: { value: 'kmv' },
  }),
  DRIVER_KVM_PERMISSION: error<{ device: string; user: string }>({
    exit: 3,
    source: 'environment',
    what: ({ device, user }) => `${user} may not open ${device}, so KVM cannot be used`,
    remedy: ({ user }) => `sudo usermod -aG kvm ${user}   (then log in again), or set VMGATE_ACCEL=tcg`,
    sample: { device: '/dev/kvm', user: 'ada' },
  }),
  DRIVER_SOCKET_PATH_TOO_LONG: error<{ path: string; bytes: number; most: number }>({
    exit: 2,
    source: 'user',
    what: ({ path, bytes, most }) => `the socket path ${path} has ${bytes} bytes; a unix socket takes at most ${most}`,
    remedy: () => 'use a shorter home folder: VMGATE_HOME=/short/path, or a shorter gate name',
    sample: { path: '/home/ada/a/very/long/folder/gates/default/gw/qmp.sock', bytes: 117, most: 103 },
  }),
  DRIVER_ALREADY_RUNNING: error<Machine & { pidfile: string }>({
    exit: 5,
    source: 'user',
    what: ({ machine }) => `${machine} is already running`,
    remedy: () => 'vmgate status',
    sample: { machine: 'work VM web', pidfile: '/home/ada/.vmgate/gates/default/vm/web/qemu.pid' },
  }),
  DRIVER_FILE_MISSING: error<Machine & { file: string }>({
    exit: 5,
    source: 'environment',
    what: ({ machine, file }) => `${machine} needs ${file}, which cannot be opened`,
    remedy: ({ file }) => `ls -l ${file}`,
    sample: { machine: 'work VM web', file: '/home/ada/vms/acme.qcow2' },
  }),
  DRIVER_DISK_LOCKED: error<Machine & { file: string }>({
    exit: 5,
    source: 'user',
    what: ({ machine, file }) => `the disk ${file} of ${machine} is in use by another process`,
    remedy: () => 'end the other VM that uses this disk, then try again',
    sample: { machine: 'work VM web', file: '/home/ada/.vmgate/gates/default/vm/web/overlay.qcow2' },
  }),
  DRIVER_MEMORY_SHORT: error<Machine>({
    exit: 5,
    source: 'environment',
    what: ({ machine }) => `this machine has not enough free memory for ${machine}`,
    remedy: () => 'close other programs, or give the VM less: memory in vmgate.yaml',
    sample: { machine: 'work VM web' },
  }),
  DRIVER_ARGV_REJECTED: error<Machine & { version: string }>({
    exit: 5,
    source: 'vmgate',
    what: ({ machine, version }) => `QEMU ${version} does not take the arguments vmgate starts ${machine} with`,
    remedy: () => 'vmgate doctor --report, and report it: this QEMU build lacks a feature vmgate counts on',
    sample: { machine: 'the gateway', version: '7.2.22' },
  }),
  DRIVER_DIED_AT_BOOT: error<Machine & { outcome: string }>({
    exit: 5,
    source: 'environment',
    what: ({ machine, outcome }) => `QEMU ended before ${machine} ran: ${outcome}`,
    remedy: () => 'VMGATE_ACCEL=tcg vmgate up rules out the accelerator; vmgate doctor looks at the rest',
    sample: { machine: 'the gateway', outcome: 'killed by SIGABRT' },
  }),
  DRIVER_QMP_BUSY: error<Machine & { socket: string }>({
    exit: 5,
    source: 'user',
    what: ({ machine }) => `another vmgate is talking to ${machine}`,
    remedy: () => 'vmgate status shows who owns the gate; wait for it or end it',
    sample: { machine: 'work VM web', socket: '/home/ada/.vmgate/gates/default/vm/web/qmp.sock' },
  }),
  DRIVER_QMP_UNREACHABLE: error<Machine & { socket: string; why: string }>({
    exit: 5,
    source: 'environment',
    what: ({ machine, why }) => `${machine} cannot be controlled: ${why}`,
    remedy: () => 'vmgate status shows whether it still runs; vmgate down ends it',
    sample: { machine: 'work VM web', socket: '/home/ada/.vmgate/gates/default/vm/web/qmp.sock', why: 'ECONNREFUSED' },
  }),
  DRIVER_QMP_SILENT: error<Machine & { command: string; ms: number }>({
    exit: 5,
    source: 'environment',
    what: ({ machine, command, ms }) => `${machine} did not answer ${command} within ${ms} ms`,
    remedy: () => 'vmgate down ends a machine that hangs',
    sample: { machine: 'the gateway', command: 'query-status', ms: 5_000 },
  }),
  DRIVER_QMP_REFUSED: error<Machine & { command: string; class: string; reason: string }>({
    exit: 5,
    source: 'vmgate',
    what: ({ machine, command, reason }) => `${machine} refused ${command}: ${reason}`,
    remedy: () => 'vmgate doctor --report, and report it',
    sample: { machine: 'work VM web', command: 'set_link', class: 'DeviceNotFound', reason: "Device 'wire' not found" },
  }),
  DRIVER_QMP_GARBLED: error<Machine & { why: string }>({
    exit: 5,
    source: 'environment',
    what: ({ machine, why }) => `${machine} answered what QMP does not allow: ${why}`,
    remedy: () => 'vmgate down ends it; vmgate up starts a fresh one',
    sample: { machine: 'the gateway', why: 'a line of more than 1048576 bytes' },
  }),
  DRIVER_CONTROL_UNREACHABLE: error<{ why: string }>({
    exit: 5,
    source: 'environment',
    what: ({ why }) => `the control channel to the gateway cannot be opened: ${why}`,
    remedy: () => 'vmgate down, then vmgate up: a fresh gateway is the way back',
    sample: { why: 'ECONNREFUSED' },
  }),
  DRIVER_PROBE_UNAVAILABLE: error<{ why: string }>({
    exit: 5,
    source: 'vmgate',
    what: ({ why }) => `the probe link cannot be used: ${why}`,
    remedy: () => 'vmgate down, then vmgate up: a fresh gateway is the way back',
    sample: { why: 'it is in use by another run' },
  }),
  DRIVER_STUCK: error<Machine & { pid: number }>({
    exit: 5,
    source: 'environment',
    what: ({ machine, pid }) => `${machine} (process ${pid}) does not end, not even by SIGKILL`,
    remedy: ({ pid }) =>
      `ps -o stat,wchan -p ${pid}   shows what it waits for: usually a disk or network share that is gone`,
    sample: { machine: 'work VM web', pid: 4_242 },
  }),
  DRIVER_GONE: error<Machine & { detail: string }>({
    exit: 5,
    source: 'environment',
    what: ({ machine, detail }) => `${machine} is not running any more: ${detail}`,
    remedy: () => 'vmgate status',
    sample: { machine: 'work VM web', detail: 'the guest shut down' },
  }),
});

export const events = eventCodes({
  DRIVER_ACCEL_FALLBACK: event<{ wanted: string; using: string; why: string }>({
    level: 'warn',
    text: ({ wanted, using, why }) => `${wanted} does not work here, so guests run with ${using}, slower (${why})`,
    sample: { wanted: 'kvm', using: 'tcg', why: 'no guest instruction ran' },
  }),
});
