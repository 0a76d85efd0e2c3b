/**
 * Where the guard and the probe stand in QEMU's filter chains, on a real QEMU without any guest: a test injects what a
 * guest would have sent, and reads what a guest would have received.
 */
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { planLinks } from '../../../src/core/link-plan.ts';
import { type Installation, Machine } from '../../../src/drivers/index.ts';
import { gatewayArgv, SOCKETS } from '../../../src/drivers/qemu/argv.ts';
import { openProbeWire } from '../../../src/drivers/qemu/probe-wire.ts';
import { FrameReader, framed } from '../../../src/frame/index.ts';
import { tinyKernel } from './tiny-kernel.ts';

let root = '';
let machine: Machine;
const sockets: net.Socket[] = [];

/** The same on every QEMU that is tried. */
export function filterTests(installation: Installation): void {
  describe('filter chains', () => {
    const boot = (change?: (argv: string[]) => string[]) => bootOn(installation, change);

    beforeEach(async () => {
      root = await realpath(await mkdtemp(path.join(os.tmpdir(), 'vmf-')));
    });
    afterEach(async () => {
      for (const socket of sockets.splice(0)) socket.destroy();
      await machine.kill();
      await rm(root, { recursive: true, force: true });
    });

    describe('the guard on the uplink', () => {
      test('gets every frame, and nothing leaves but what it releases, once', async () => {
        await boot();
        const guard = await reader(SOCKETS.outgoing);
        const released = await connect(SOCKETS.released);
        const guest = await guestOn('up');
        guest.write(framed(frame('one')));
        await guard.saw('one');
        expect(await witness()).toEqual([]);
        released.write(framed(frame('two')));
        guest.write(framed(frame('three')));
        await guard.saw('three');
        expect(guard.texts()).toEqual(['one', 'three']);
        expect(await witness()).toEqual(['two']);
      });

      test('absent, lets nothing out', async () => {
        await boot();
        const guest = await guestOn('up');
        guest.write(framed(frame('early')));
        await barrier();
        expect(await witness()).toEqual([]);
      });

      test('gone, lets nothing out any more', async () => {
        await boot();
        const guard = await reader(SOCKETS.outgoing);
        const released = await connect(SOCKETS.released);
        const guest = await guestOn('up');
        released.write(framed(frame('good')));
        guest.write(framed(frame('seen')));
        await guard.saw('seen');
        await Promise.all([ended(guard.socket), ended(released)]);
        guest.write(framed(frame('late')));
        await barrier();
        expect(await witness()).toEqual(['good']);
      });

      test('with its filters in the other order would be fed what it released (why the order is what it is)', async () => {
        await boot((argv) => {
          const [gin, gout] = ['id=gin', 'id=gout'].map((id) => argv.findIndex((each) => each.includes(id)));
          return argv.map((each, at) =>
            at === gin ? (argv[gout ?? 0] ?? '') : at === gout ? (argv[gin ?? 0] ?? '') : each,
          );
        });
        const guard = await reader(SOCKETS.outgoing);
        const released = await connect(SOCKETS.released);
        released.write(framed(frame('again')));
        await guard.saw('again');
        expect(await witness()).toEqual([]);
      });
    });

    describe('the probe stand', () => {
      test('reaches the guest and hears it', async () => {
        await boot();
        const probe = await openProbeWire(machine.qmp, root, 'probe0', () => {});
        const heard: string[] = [];
        probe.onFrame((each) => heard.push(textOf(each)));
        const arriving = await observe('probe0', 'tx');
        const guest = await guestOn('probe0');
        probe.send(frame('in'));
        await arriving.saw('in');
        guest.write(framed(frame('out')));
        await until(() => heard.includes('out'));
        expect(arriving.texts()).toEqual(['in']);
        expect(heard).toEqual(['out']);
        await probe.close();
      });

      test('leaves no filter and no socket behind', async () => {
        await boot();
        const before = await state();
        let freed = 0;
        const probe = await openProbeWire(machine.qmp, root, 'probe0', () => {
          freed += 1;
        });
        await expect(state()).resolves.not.toEqual(before);
        await Promise.all([probe.close(), probe.close()]);
        expect(freed).toBe(1);
        await expect(state()).resolves.toEqual(before);
      });

      test('that cannot be built is taken down again', async () => {
        await boot();
        const before = await state();
        const opening = openProbeWire(machine.qmp, root, 'no-such-netdev', () => {});
        await expect(opening).rejects.toMatchObject({ code: 'DRIVER_QMP_REFUSED' });
        await expect(state()).resolves.toEqual(before);
      });
    });
  });
}

async function bootOn(installation: Installation, change = (argv: string[]) => argv): Promise<void> {
  const qemu = await installation.find('amd64');
  const addressing = { kind: 'static', address: '10.0.2.15', prefixLength: 24, nextHop: '10.0.2.2' } as const;
  const plan = planLinks([], addressing, [], 1);
  await mkdir(path.join(root, 'w'));
  await writeFile(path.join(root, 'kernel'), tinyKernel());
  await writeFile(path.join(root, 'initramfs'), Buffer.alloc(512));
  const argv = gatewayArgv(
    {
      runFolder: root,
      kernel: path.join(root, 'kernel'),
      initramfs: path.join(root, 'initramfs'),
      arch: 'amd64',
      memoryMiB: 32,
      cpus: 1,
      plan,
      uplink: { kind: 'user' },
      wires: [{ ifname: 'probe0', gatewayPath: path.join(root, 'w', 'g'), guestPath: path.join(root, 'w', 'v') }],
      witness: path.join(root, 'witness.pcap'),
    },
    qemu,
  );
  machine = await Machine.launch({ ...qemu, label: 'the gateway', folder: root, argv: change(argv) });
}

/** Added last, so first in the order of what a guest sends: what is written here is as if the guest had sent it. */
async function guestOn(netdev: string): Promise<net.Socket> {
  await chardev('guest');
  await machine.qmp.execute('object-add', {
    'qom-type': 'filter-redirector',
    id: 'guest',
    netdev,
    queue: 'rx',
    indev: 'guest',
  });
  return connect('guest.sock');
}

async function observe(netdev: string, queue: 'rx' | 'tx') {
  await chardev('observer');
  const seen = await reader('observer.sock');
  await machine.qmp.execute('object-add', {
    'qom-type': 'filter-mirror',
    id: 'observer',
    netdev,
    queue,
    outdev: 'observer',
  });
  return seen;
}

async function chardev(id: string): Promise<void> {
  const addr = { type: 'unix', data: { path: path.join(root, `${id}.sock`) } };
  await machine.qmp.execute('chardev-add', {
    id,
    backend: { type: 'socket', data: { addr, server: true, wait: false } },
  });
}

async function reader(name: string) {
  const frames: Buffer[] = [];
  const socket = await connect(name);
  const split = new FrameReader((each) => frames.push(each));
  socket.on('data', (chunk: Buffer) => split.push(chunk));
  const texts = () => frames.map(textOf);
  return { socket, texts, saw: (text: string) => until(() => texts().includes(text)) };
}

function connect(name: string): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(path.join(root, name), () => resolve(socket));
    socket.on('error', reject);
    sockets.push(socket);
  });
}

function ended(socket: net.Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('close', () => resolve());
    socket.destroy();
  });
}

/** Two round trips through QEMU's main loop: what was readable before them has been handled. */
async function barrier(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await machine.qmp.execute('query-status');
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Objects and character devices, as QEMU lists them. */
async function state(): Promise<unknown> {
  const chardevs = (await machine.qmp.execute('query-chardev')) as readonly { label: string }[];
  const objects = (await machine.qmp.execute('qom-list', { path: '/objects' })) as readonly { name: string }[];
  return { chardevs: chardevs.map(({ label }) => label), objects: objects.map(({ name }) => name) };
}

/** To nobody: a locally administered group address and an experimental EtherType (RFC 5342), so slirp drops it. */
function frame(text: string): Buffer {
  return Buffer.concat([
    Buffer.from('030000000001525401000100', 'hex'),
    Buffer.from('88b5', 'hex'),
    Buffer.from(text.padEnd(46, '\0')),
  ]);
}

function textOf(bytes: Buffer): string {
  return bytes.subarray(14).toString('latin1').replace(/\0+$/, '');
}

/** Texts of the frames in QEMU's pcap file: 24 bytes, then 16 and the frame, each. */
async function witness(): Promise<string[]> {
  await barrier();
  const pcap = await readFile(path.join(root, 'witness.pcap'));
  const texts: string[] = [];
  for (let at = 24; at + 16 <= pcap.length; ) {
    const length = pcap.readUInt32LE(at + 8);
    texts.push(textOf(pcap.subarray(at + 16, at + 16 + length)));
    at += 16 + length;
  }
  return texts;
}
