import { expect, test } from '@jest/globals';
import { bootFailure } from '../../../../src/drivers/qemu/failures.ts';

/** What QEMU 7.2 prints; the prefix is the binary's name. */
const TEXTS: readonly (readonly [stderr: string, code: string, exit: number])[] = [
  ['cannot create PID file: Cannot lock pid file: Resource temporarily unavailable', 'DRIVER_ALREADY_RUNNING', 5],
  [
    '-blockdev {"driver":"file"}: Failed to get "write" lock\nIs another process using the image [/vm/disk.qcow2]?',
    'DRIVER_DISK_LOCKED',
    5,
  ],
  [
    "-qmp unix:/x: UNIX socket path '/very/long' is too long\nPath must be less than 108 bytes",
    'DRIVER_SOCKET_PATH_TOO_LONG',
    2,
  ],
  ['-accel hvf: invalid accelerator hvf', 'DRIVER_ACCEL_UNAVAILABLE', 3],
  ['Could not access KVM kernel module: Permission denied', 'DRIVER_KVM_PERMISSION', 3],
  [
    'Could not access KVM kernel module: No such file or directory\nfailed to initialize kvm: No such file or directory',
    'DRIVER_ACCEL_UNAVAILABLE',
    3,
  ],
  ["-blockdev driver=file: Could not open '/nope.qcow2': No such file or directory", 'DRIVER_FILE_MISSING', 5],
  ["could not load kernel '/nope': No such file or directory", 'DRIVER_FILE_MISSING', 5],
  ["cannot set up guest memory 'pc.ram': Cannot allocate memory", 'DRIVER_MEMORY_SHORT', 5],
  ['gtk initialization failed', 'DRIVER_NO_DESKTOP', 3],
  ["-device virtio-gpu-pci,id=screen: 'virtio-gpu-pci' is not a valid device model name", 'DRIVER_SCREEN_MISSING', 3],
  ['-vnc: invalid option', 'DRIVER_SCREEN_MISSING', 3],
  ["-device nope: 'nope' is not a valid device model name", 'DRIVER_ARGV_REJECTED', 5],
  ['-machine nope: unsupported machine type', 'DRIVER_ARGV_REJECTED', 5],
  ['-nope: invalid option', 'DRIVER_ARGV_REJECTED', 5],
  ["-netdev dgram: Parameter 'type' does not accept value 'dgram'", 'DRIVER_ARGV_REJECTED', 5],
  ["-netdev stream: Parameter 'reconnect' is unexpected", 'DRIVER_ARGV_REJECTED', 5],
  ['-sandbox on: sandbox support is not enabled in this QEMU', 'DRIVER_ARGV_REJECTED', 5],
  ["kvm_buf_set_msrs: Assertion `ret == cpu->kvm_msr_buf->nmsrs' failed.", 'DRIVER_DIED_AT_BOOT', 5],
  ['', 'DRIVER_DIED_AT_BOOT', 5],
];

test.each(TEXTS)('%s', (text, code, exit) => {
  const stderr = `qemu-system-x86_64: ${text}\n`;
  const failure = { machine: 'work VM web', outcome: 'ended with status 1', stderr, version: '7.2.22', pidfile: '/p' };
  const error = bootFailure(failure);
  expect(error).toMatchObject({ code, exit });
  expect(error.remedy).not.toBe('');
});

test('the last lines come along as evidence', () => {
  const stderr = 'one\n\ntwo\n';
  const error = bootFailure({ machine: 'x', outcome: 'killed by SIGABRT', stderr, version: '7.2', pidfile: '/p' });
  expect(error).toMatchObject({ what: 'QEMU ended before x ran: killed by SIGABRT', evidence: ['one', 'two'] });
});
