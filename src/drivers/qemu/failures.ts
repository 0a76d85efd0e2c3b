/** QEMU's last words -> a typed error. The texts are those of 7.2 and are listed in test/unit/drivers/qemu/failures.test.ts. */
import { VmgateError } from '../../core/coded.ts';
import { installLine } from '../../host/index.ts';
import { errors } from '../codes.ts';
import { longSocket } from '../limits.ts';

export interface Failure {
  /** What a person calls it: `the gateway`, `work VM web`. */
  readonly machine: string;
  /** How the process ended: `ended with status 1`. */
  readonly outcome: string;
  readonly stderr: string;
  readonly version: string;
  readonly pidfile: string;
}

interface Rule {
  readonly text: RegExp;
  readonly error: (failure: Failure, match: RegExpExecArray) => VmgateError;
}

/** Most specific first: a locked disk also prints "Could not open". */
const RULES: readonly Rule[] = [
  {
    text: /Cannot lock pid file/,
    error: ({ machine, pidfile }) => VmgateError.of(errors.DRIVER_ALREADY_RUNNING, { machine, pidfile }),
  },
  {
    text: /Failed to get (?:shared )?"(?:write|consistent read)" lock[\s\S]*?image \[([^\]]*)\]/,
    error: ({ machine, stderr }, match) =>
      VmgateError.of(errors.DRIVER_DISK_LOCKED, { machine, file: match[1] ?? '?' }, { evidence: lines(stderr) }),
  },
  {
    text: /UNIX socket path '([^']*)' is too long|socket path: ([^\n]*) is too long/,
    error: (_, match) => {
      return longSocket(match[1] ?? match[2] ?? '?');
    },
  },
  {
    text: /(?:gtk|cocoa) initialization failed/,
    error: () => VmgateError.of(errors.DRIVER_NO_DESKTOP, { toolkit: 'gtk' }),
  },
  {
    text: /'(virtio-gpu-pci|VGA)' is not a valid device model name|-(vnc): invalid option|(VNC) support is disabled/,
    error: ({ machine, stderr }, match) => {
      const device = match[1] ?? 'VNC';
      const install = installLine(device);
      return VmgateError.of(errors.DRIVER_SCREEN_MISSING, { machine, device, install }, { evidence: lines(stderr) });
    },
  },
  {
    text: /invalid accelerator (\w+)/,
    error: (_, match) =>
      VmgateError.of(errors.DRIVER_ACCEL_UNAVAILABLE, {
        accel: match[1] ?? '?',
        why: 'this QEMU was built without it',
      }),
  },
  {
    text: /Could not access KVM kernel module: Permission denied/,
    error: () => VmgateError.of(errors.DRIVER_KVM_PERMISSION, { device: '/dev/kvm', user: 'this user' }),
  },
  {
    text: /Could not access KVM kernel module: ([^\n]*)|failed to initialize (?:kvm|KVM|hvf|HVF): ([^\n]*)/,
    error: (_, match) =>
      VmgateError.of(errors.DRIVER_ACCEL_UNAVAILABLE, {
        accel: match[1] === undefined ? 'hvf' : 'kvm',
        why: match[1] ?? match[2] ?? 'it did not start',
      }),
  },
  {
    text: /cannot set up guest memory|Cannot allocate memory/,
    error: ({ machine, stderr }) =>
      VmgateError.of(errors.DRIVER_MEMORY_SHORT, { machine }, { evidence: lines(stderr) }),
  },
  {
    text: /[Cc]ould not (?:open|load)[^'\n]*'([^']*)'(?:: No such file or directory)?/,
    error: ({ machine, stderr }, match) =>
      VmgateError.of(errors.DRIVER_FILE_MISSING, { machine, file: match[1] ?? '?' }, { evidence: lines(stderr) }),
  },
  {
    text: /is not a valid (?:device model|object type) name|unsupported machine type|invalid option|does not accept value|is unexpected|Parameter '[^']*' (?:is missing|expects)|not a valid option|support is not enabled|not found\)?$/m,
    error: ({ machine, version, stderr }) =>
      VmgateError.of(errors.DRIVER_ARGV_REJECTED, { machine, version }, { evidence: lines(stderr) }),
  },
];

/** The error for a QEMU that ended before it answered. */
export function bootFailure(failure: Failure): VmgateError {
  for (const rule of RULES) {
    const match = rule.text.exec(failure.stderr);
    if (match !== null) return rule.error(failure, match);
  }
  const { machine, outcome, stderr } = failure;
  return VmgateError.of(errors.DRIVER_DIED_AT_BOOT, { machine, outcome }, { evidence: lines(stderr) });
}

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line.trim() !== '');
}
