import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { screenDevices } from '../../../../src/core/definition.ts';
import { type Capabilities, gatewayArgv, socketPaths, workArgv } from '../../../../src/drivers/qemu/argv.ts';
import { expectGolden } from '../../golden.ts';
import { DISK, gatewayBoot, KERNEL, SEEDED, workSpec } from '../specs.ts';

const TCG: Capabilities = { accel: 'tcg', sandbox: true };
const MAC: Capabilities = { accel: 'hvf', sandbox: false, firmware: '/opt/homebrew/share/qemu/edk2-aarch64-code.fd' };
const LAB_UPLINK = { kind: 'wire', localPath: '/tmp/lab/up.g', remotePath: '/tmp/lab/up.l' } as const;
const RAW = { ...DISK, base: { path: '/home/ada/vms/win.img', format: 'raw' } } as const;

const CASES: ReadonlyMap<string, readonly string[]> = new Map([
  ['gateway-user-tcg', gatewayArgv(gatewayBoot(), TCG)],
  ['gateway-user-kvm', gatewayArgv(gatewayBoot(), { accel: 'kvm', sandbox: true })],
  ['gateway-arm64-hvf', gatewayArgv(gatewayBoot({ arch: 'arm64' }), MAC)],
  ['gateway-arm64-tcg', gatewayArgv(gatewayBoot({ arch: 'arm64' }), TCG)],
  ['gateway-lab-witness', gatewayArgv(gatewayBoot({ uplink: LAB_UPLINK, witness: '/tmp/lab/witness.pcap' }), TCG)],
  ['gateway-lab-drill', gatewayArgv(gatewayBoot({ uplink: LAB_UPLINK, monitor: '/tmp/lab/monitor.sock' }), TCG)],
  ['work-kernel', workArgv(workSpec({ boot: KERNEL }), TCG)],
  ['work-disk', workArgv(workSpec(), { accel: 'kvm', sandbox: true })],
  ['work-disk-compat-raw', workArgv(workSpec({ hardware: 'compat', boot: RAW }), TCG)],
  ['work-disk-seeded', workArgv(workSpec({ boot: { ...SEEDED, kernel: KERNEL } }), TCG)],
  ['work-disk-seeded-compat', workArgv(workSpec({ hardware: 'compat', boot: SEEDED }), TCG)],
  ['work-disk-arm64', workArgv(workSpec({ arch: 'arm64' }), MAC)],
  ['work-disk-arm64-compat', workArgv(workSpec({ arch: 'arm64', hardware: 'compat' }), MAC)],
]);

const SCREENS: ReadonlyMap<string, readonly string[]> = new Map([
  ['work-vnc', workArgv(workSpec({ display: 'vnc' }), TCG)],
  ['work-vnc-compat', workArgv(workSpec({ display: 'vnc', hardware: 'compat' }), TCG)],
  ['work-vnc-arm64', workArgv(workSpec({ display: 'vnc', arch: 'arm64' }), MAC)],
  ['work-vnc-arm64-compat', workArgv(workSpec({ display: 'vnc', arch: 'arm64', hardware: 'compat' }), MAC)],
  ['work-window', workArgv(workSpec({ display: 'window' }), { ...TCG, window: 'gtk' })],
  ['work-window-macos', workArgv(workSpec({ display: 'window', arch: 'arm64' }), { ...MAC, window: 'cocoa' })],
]);

test.each([...CASES, ...SCREENS])('%s is as reviewed', (name, argv) => {
  expectGolden(path.join(import.meta.dirname, '..', 'golden', `${name}.txt`), `${argv.join('\n')}\n`);
});

describe('every command line', () => {
  const each = test.each([...CASES]);

  each('%s has no way to the host beyond the planned ones', (_, argv) => {
    const text = argv.join(' ');
    expect(text).not.toMatch(/hostfwd|guestfwd|smb(?!ios)|tftp|bootp|virtfs|fsdev|9p|vhost|vnc|spice|usb|vfio|logfile/);
    expect(text).not.toMatch(/type=tap|bridge|vmnet|stream,|socket,listen|tcp:|telnet|stdio|gdb/);
  });

  each('%s leaves nothing to defaults', (_, argv) => {
    expect(argv).toEqual(expect.arrayContaining(['-nodefaults', '-no-user-config']));
    expect(argv[argv.indexOf('-machine') + 1]).toContain('dump-guest-core=off');
    expect(argv[argv.indexOf('-display') + 1]).toBe('none');
  });
});

describe('a command line with a screen', () => {
  const each = test.each([...SCREENS]);

  each('%s has no clipboard, agent, sound, USB redirection or port of the network', (_, argv) => {
    const text = argv.join(' ');
    expect(text).not.toMatch(/spice|vdagent|virtserialport|audio|hda|usb-redir|usb-host|ccid|dbus|websocket|gl=on/);
    expect(text).not.toMatch(/hostfwd|guestfwd|smb|tftp|virtfs|9p|vfio|tcp:|telnet|:\d+,share|-vnc :/);
  });

  each('%s has the devices that the definition check expects, and no others', (name, argv) => {
    const spec = workSpec({
      display: name.startsWith('work-vnc') ? 'vnc' : 'window',
      ...(/arm64|macos/.test(name) ? { arch: 'arm64' as const } : {}),
      ...(name.endsWith('compat') ? { hardware: 'compat' as const } : {}),
    });
    const without = new Set(workArgv({ ...spec, display: 'none' }, /arm64|macos/.test(name) ? MAC : TCG));
    const devices = argv.filter((argument, at) => argv[at - 1] === '-device' && !without.has(argument));
    expect(devices.map((device) => device.split(',')[0])).toEqual(screenDevices(spec));
  });

  test('listens on a socket in the folder of the VM, which is known before it starts', () => {
    const folder = '/home/ada/a,b';
    const argv = workArgv(workSpec({ display: 'vnc', folder }), TCG);
    expect(argv).toContain('unix:/home/ada/a,,b/screen.sock,share=force-shared');
    expect(socketPaths(argv)).toContain(`${folder}/screen.sock`);
  });
});

describe('the gateway', () => {
  test('has a user backend without IPv6, and no other address of the host', () => {
    expect(backends(gatewayArgv(gatewayBoot(), TCG))[0]).toBe('user,id=up,ipv6=off');
  });

  test('puts the guard behind the witness and the injector before the extractor', () => {
    const argv = gatewayArgv(gatewayBoot({ witness: '/tmp/w.pcap' }), TCG);
    const filters = argv.filter((argument) => argument.startsWith('filter-'));
    expect(filters.map((filter) => /id=(\w+)/.exec(filter)?.[1])).toEqual(['witness', 'gin', 'gout']);
    expect(filters[1]).toBe('filter-redirector,id=gin,netdev=up,queue=rx,indev=fi');
    expect(filters[2]).toBe('filter-redirector,id=gout,netdev=up,queue=rx,outdev=fo');
  });

  test('shows its cards in the order of the plan, thirty work links included', () => {
    const workVms = Array.from({ length: 30 }, (_, index) => `vm${index}`);
    const cards = gatewayArgv(gatewayBoot({ workVms }), TCG).filter((argument) => argument.includes('id=nic-'));
    const addresses = cards.map((card) => /addr=(0x[0-9a-f]+\.[0-7])/.exec(card)?.[1] ?? '');
    expect(cards).toHaveLength(32);
    expect(addresses).toEqual([...addresses].sort((a, b) => a.localeCompare(b)));
    expect(new Set(addresses).size).toBe(32);
  });

  test('is not built without a wire for each link', () => {
    expect(() => gatewayArgv(gatewayBoot({ wires: [] }), TCG)).toThrow('no wire for the link work0');
  });
});

describe('a work VM', () => {
  test.each(['virtio', 'compat'] as const)(
    'with %s hardware has one card on one dgram wire and starts frozen',
    (hardware) => {
      const argv = workArgv(workSpec({ hardware }), TCG);
      expect(argv).toContain('-S');
      expect(backends(argv)).toHaveLength(1);
      expect(backends(argv)[0]).toMatch(/^dgram,id=wire,/);
      expect(argv.filter((argument) => argument.includes('netdev=wire'))).toHaveLength(1);
    },
  );

  test('opens no backing file that is named inside an image', () => {
    const nodes = workArgv(workSpec(), TCG)
      .filter((argument) => argument.startsWith('{'))
      .map((node) => JSON.parse(node));
    const qcow2 = nodes.filter(({ driver }) => driver === 'qcow2');
    expect(qcow2.map(({ backing }) => backing)).toEqual([null, 'base']);
  });
});

test('a comma in a path stays in the path', () => {
  const folder = '/home/ada/a,server=off,b';
  const argv = workArgv(workSpec({ folder }), TCG);
  expect(argv).toContain(`socket,id=qmp,path=/home/ada/a,,server=off,,b/qmp.sock,server=on,wait=off`);
  expect(socketPaths(argv)).toContain(`${folder}/qmp.sock`);
});

test('all sockets of a gateway are known before it starts', () => {
  const names = socketPaths(gatewayArgv(gatewayBoot({ workVms: ['web'] }), TCG)).map((file) => path.basename(file));
  const links = ['work0.g', 'work0.v', 'probe0.g', 'probe0.v'];
  expect(new Set(names)).toEqual(new Set(['qmp.sock', 'serial.sock', 'ssh.sock', 'fo.sock', 'fi.sock', ...links]));
});

function backends(argv: readonly string[]): string[] {
  return argv.filter((_, index) => argv[index - 1] === '-netdev');
}
