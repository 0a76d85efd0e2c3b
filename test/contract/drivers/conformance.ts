/**
 * What every driver must do, whatever runs the machines: QEMU and the in-memory driver pass the same tests, so that a
 * supervisor tested on the one behaves on the other.
 */
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readdir, realpath, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { judgeDefinition } from '../../../src/core/definition.ts';
import { planLinks } from '../../../src/core/link-plan.ts';
import type {
  GatewayBoot,
  GatewayHost,
  RunningGateway,
  RunningWork,
  WorkHost,
  WorkSpec,
} from '../../../src/drivers/driver.ts';
import { tinyKernel } from './tiny-kernel.ts';

export interface Subject {
  /** As another process on the same computer would make it. */
  readonly gatewayHost: () => GatewayHost;
  readonly workHost: () => WorkHost;
  /** Somebody outside of vmgate ends the process. */
  readonly murder: (pid: number, folder: string) => void;
  /** The guest of a running work VM switches itself off. */
  readonly guestPowersOff: (work: RunningWork, folder: string) => Promise<void>;
  /** Makes the disk image a work VM can be given. */
  readonly makeDisk: (overlay: string, base: string) => Promise<void>;
}

export function conformance(name: string, subject: Subject): void {
  describe(`${name}: the gateway`, () => {
    gatewayTests(subject);
  });
  describe(`${name}: work VMs`, () => {
    workTests(subject);
  });
}

let root = '';
const ends: (() => Promise<void>)[] = [];

beforeEach(async () => {
  root = await realpath(await mkdtemp(path.join(os.tmpdir(), 'vmg-')));
  for (const folder of ['gw', 'w', 'web', 'bank']) await mkdir(path.join(root, folder), { mode: 0o700 });
  await writeFile(path.join(root, 'kernel'), tinyKernel());
  await writeFile(path.join(root, 'initramfs'), Buffer.alloc(1_024));
});

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  await rm(root, { recursive: true, force: true });
});

function gatewayTests({ gatewayHost, murder }: Subject): void {
  test('boots, forgets its initramfs, and leaves nothing when it is killed', async () => {
    const spec = await gatewaySpec();
    const gateway = await booted(gatewayHost(), spec);
    expect(gateway.pid).toBeGreaterThan(1);
    expect(existsSync(spec.initramfs)).toBe(false);
    expect(path.dirname(gateway.guardSockets.outgoing)).toBe(spec.runFolder);
    expect(path.dirname(gateway.guardSockets.released)).toBe(spec.runFolder);
    expect(gateway.guardSockets.outgoing).not.toBe(gateway.guardSockets.released);
    await gateway.kill();
    await expect(gateway.ended).resolves.toMatchObject({ by: 'host' });
    await expect(readdir(spec.runFolder)).resolves.toEqual([]);
    await expect(readdir(path.join(root, 'w'))).resolves.toEqual([]);
    await gateway.kill();
  });

  test('is refused a second process in its folder, and is not hurt by it', async () => {
    const spec = await gatewaySpec();
    const gateway = await booted(gatewayHost(), spec);
    await expect(gatewayHost().boot(spec)).rejects.toMatchObject({ code: 'DRIVER_ALREADY_RUNNING' });
    await expect(settled(gateway.ended)).resolves.toBe(false);
    await expect(gateway.openControl()).resolves.toBeDefined();
  });

  test('is reaped by another supervisor', async () => {
    const spec = await gatewaySpec();
    const gateway = await booted(gatewayHost(), spec);
    await gatewayHost().reap(spec.runFolder);
    await expect(gateway.ended).resolves.toMatchObject({ by: 'host' });
    await expect(readdir(spec.runFolder)).resolves.toEqual([]);
    await gatewayHost().reap(spec.runFolder);
    await gatewayHost().reap(path.join(root, 'absent'));
  });

  test('tells of its end when somebody else kills it', async () => {
    const spec = await gatewaySpec();
    const gateway = await booted(gatewayHost(), spec);
    murder(gateway.pid, spec.runFolder);
    await expect(gateway.ended).resolves.toMatchObject({ by: 'host', detail: 'killed by SIGKILL' });
    await expect(gateway.openControl()).rejects.toMatchObject({ code: 'DRIVER_CONTROL_UNREACHABLE' });
    await expect(gateway.openProbe()).rejects.toMatchObject({ code: 'DRIVER_GONE' });
    expect(typeof gateway.consoleTail()).toBe('string');
    await gateway.kill();
    await expect(readdir(spec.runFolder)).resolves.toEqual([]);
  });

  test('has one control channel, which can be opened again', async () => {
    const gateway = await booted(gatewayHost(), await gatewaySpec());
    const first = await gateway.openControl();
    await expect(gateway.openControl()).rejects.toMatchObject({ code: 'DRIVER_CONTROL_UNREACHABLE' });
    await closed(first);
    await closed(await gateway.openControl());
  });

  test('ends its control channel with itself', async () => {
    const gateway = await booted(gatewayHost(), await gatewaySpec());
    const control = await gateway.openControl();
    control.on('error', () => {});
    control.resume();
    const gone = new Promise((resolve) => control.once('close', resolve));
    await gateway.kill();
    await gone;
  });

  test('has one probe stand at a time, which can be taken again', async () => {
    const gateway = await booted(gatewayHost(), await gatewaySpec());
    const probe = await gateway.openProbe();
    await expect(gateway.openProbe()).rejects.toMatchObject({ code: 'DRIVER_PROBE_UNAVAILABLE' });
    probe.send(Buffer.alloc(14));
    probe.send(Buffer.alloc(1_514));
    expect(() => probe.send(Buffer.alloc(13))).toThrow(RangeError);
    expect(() => probe.send(Buffer.alloc(1_515))).toThrow(RangeError);
    await probe.close();
    await probe.close();
    probe.send(Buffer.alloc(60));
    await (await gateway.openProbe()).close();
  });

  test('lets go of a probe stand that outlives it', async () => {
    const gateway = await booted(gatewayHost(), await gatewaySpec());
    const probe = await gateway.openProbe();
    await gateway.kill();
    probe.send(Buffer.alloc(60));
    await probe.close();
  });
}

function workTests({ workHost, murder, guestPowersOff, makeDisk }: Subject): void {
  test('start frozen, as asked for, and run when told to', async () => {
    const spec = workSpec();
    const work = await started(workHost(), spec);
    const facts = await work.facts();
    expect(facts.status).toBe('prelaunch');
    expect(judgeDefinition(spec, facts)).toMatchObject({ outcome: 'verified' });
    expect(path.dirname(work.consolePath)).toBe(spec.folder);
    await work.setLink(true);
    await work.resume();
    await expect(work.facts()).resolves.toMatchObject({ status: 'running' });
    await work.pause();
    await expect(work.facts()).resolves.toMatchObject({ status: 'paused' });
    await work.resume();
    await work.powerDown();
  });

  test.each([
    ['virtio', 'qcow2'],
    ['compat', 'qcow2'],
    ['virtio', 'raw'],
    ['compat', 'raw'],
  ] as const)('with %s hardware and a %s disk are what was asked for', async (hardware, format) => {
    const [overlay, base] = [path.join(root, 'web', 'disk.qcow2'), path.join(root, `my, base.${format}`)];
    await makeDisk(overlay, base);
    const spec = workSpec({ hardware, boot: { kind: 'disk', overlay, base: { path: base, format } } });
    const work = await started(workHost(), spec);
    expect(judgeDefinition(spec, await work.facts())).toMatchObject({
      outcome: 'verified',
      evidence: expect.anything(),
    });
    const asked = workSpec({ hardware, boot: { kind: 'disk', overlay, base: { path: '/other', format } } });
    expect(judgeDefinition(asked, await work.facts())).toMatchObject({ outcome: 'refuted' });
  });

  test('are refused a second process, and are not hurt by it', async () => {
    const spec = workSpec();
    const work = await started(workHost(), spec);
    await expect(workHost().start(spec)).rejects.toMatchObject({ code: 'DRIVER_ALREADY_RUNNING' });
    await expect(work.facts()).resolves.toMatchObject({ name: 'web' });
  });

  test('started twice at once run once', async () => {
    const spec = workSpec();
    const results = await Promise.allSettled([started(workHost(), spec), started(workHost(), spec)]);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(results.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { code: 'DRIVER_ALREADY_RUNNING' },
    });
    await expect(workHost().isRunning(spec.folder)).resolves.toBe(true);
  });

  test('two at once keep to themselves', async () => {
    const host = workHost();
    const web = await started(host, workSpec());
    const bank = await started(
      host,
      workSpec({ name: 'bank', folder: path.join(root, 'bank'), wire: wireTo('work1') }),
    );
    await web.kill();
    await expect(bank.facts()).resolves.toMatchObject({ name: 'bank' });
  });

  test('outlive their supervisor and are adopted by the next', async () => {
    const spec = workSpec();
    const first = await started(workHost(), spec);
    await first.resume();
    first.release();
    const adopted = await workHost().adopt(spec);
    expect(adopted?.pid).toBe(first.pid);
    const facts = await adopted?.facts();
    expect(facts?.status).toBe('running');
    expect(judgeDefinition(spec, facts)).toMatchObject({ outcome: 'verified' });
    await adopted?.kill();
    await expect(adopted?.ended).resolves.toBeDefined();
    await expect(workHost().isRunning(spec.folder)).resolves.toBe(false);
    await expect(readdir(spec.folder)).resolves.toEqual([]);
    await expect(readdir(path.join(root, 'w'))).resolves.toEqual([]);
  });

  test('are not adopted while somebody else looks after them', async () => {
    const spec = workSpec();
    const work = await started(workHost(), spec);
    await expect(workHost().adopt(spec)).rejects.toMatchObject({ code: 'DRIVER_QMP_BUSY' });
    await expect(work.facts()).resolves.toMatchObject({ status: 'prelaunch' });
  });

  test('that are not there cannot be adopted', async () => {
    const spec = workSpec();
    await expect(workHost().adopt(spec)).resolves.toBeUndefined();
    await expect(workHost().isRunning(spec.folder)).resolves.toBe(false);
    const work = await started(workHost(), spec);
    murder(work.pid, spec.folder);
    await work.ended;
    await expect(workHost().adopt(spec)).resolves.toBeUndefined();
    await expect(workHost().isRunning(spec.folder)).resolves.toBe(false);
  });

  test('start again after a crash left its traces', async () => {
    const spec = workSpec();
    const work = await started(workHost(), spec);
    murder(work.pid, spec.folder);
    await expect(work.ended).resolves.toMatchObject({ by: 'host' });
    await expect(work.facts()).rejects.toMatchObject({ code: 'DRIVER_GONE' });
    const again = await started(workHost(), spec);
    expect(again.pid).not.toBe(work.pid);
  });

  test('leave nothing when they are killed, twice', async () => {
    const spec = workSpec();
    const work = await started(workHost(), spec);
    await work.kill();
    await work.kill();
    await expect(work.ended).resolves.toMatchObject({ by: 'host' });
    await expect(workHost().isRunning(spec.folder)).resolves.toBe(false);
    await expect(readdir(spec.folder)).resolves.toEqual([]);
    await expect(readdir(path.join(root, 'w'))).resolves.toEqual([]);
  });

  test('are reaped whoever looks after them, and keep their disks', async () => {
    const spec = workSpec();
    await writeFile(path.join(spec.folder, 'disk.qcow2'), 'kept');
    const work = await started(workHost(), spec);
    await workHost().reap(spec.folder);
    await expect(work.ended).resolves.toMatchObject({ by: 'host' });
    await expect(workHost().isRunning(spec.folder)).resolves.toBe(false);
    await expect(readdir(spec.folder)).resolves.toEqual(['disk.qcow2']);
    await workHost().reap(spec.folder);
  });

  test('that switch themselves off say so', async () => {
    const spec = workSpec();
    const work = await started(workHost(), spec);
    await work.resume();
    await guestPowersOff(work, spec.folder);
    await expect(work.ended).resolves.toMatchObject({ by: 'guest', detail: 'guest-shutdown' });
    await work.kill();
  });

  test('in a folder too deep for a socket are refused before anything runs', async () => {
    const folder = path.join(root, 'x'.repeat(100));
    await mkdir(folder);
    const starting = workHost().start(workSpec({ folder }));
    await expect(starting).rejects.toMatchObject({ code: 'DRIVER_SOCKET_PATH_TOO_LONG', exit: 2 });
    await expect(workHost().isRunning(folder)).resolves.toBe(false);
  });
}

async function booted(host: GatewayHost, spec: GatewayBoot): Promise<RunningGateway> {
  const gateway = await host.boot(spec);
  ends.push(() => gateway.kill());
  return gateway;
}

async function started(host: WorkHost, spec: WorkSpec): Promise<RunningWork> {
  const work = await host.start(spec);
  ends.push(() => work.kill());
  return work;
}

async function gatewaySpec(): Promise<GatewayBoot> {
  const runFolder = path.join(root, 'gw');
  const files = { kernel: path.join(runFolder, 'kernel'), initramfs: path.join(runFolder, 'initramfs') };
  await copyFile(path.join(root, 'kernel'), files.kernel);
  await copyFile(path.join(root, 'initramfs'), files.initramfs);
  const addressing = { kind: 'static', address: '10.0.2.15', prefixLength: 24, nextHop: '10.0.2.2' } as const;
  const plan = planLinks(['web'], addressing, [], 0x1234);
  return {
    runFolder,
    ...files,
    arch: 'amd64',
    memoryMiB: 32,
    cpus: 1,
    plan,
    uplink: { kind: 'user' },
    wires: [...plan.work, plan.probe].map(({ ifname }) => ({
      ifname,
      gatewayPath: wireTo(ifname).remotePath,
      guestPath: wireTo(ifname).localPath,
    })),
  };
}

function workSpec(changes: Partial<WorkSpec> = {}): WorkSpec {
  return {
    name: 'web',
    folder: path.join(root, 'web'),
    arch: 'amd64',
    memoryMiB: 32,
    cpus: 1,
    hardware: 'virtio',
    mac: '52:54:20:12:34:00',
    wire: wireTo('work0'),
    boot: { kind: 'kernel', kernel: path.join(root, 'kernel'), initramfs: path.join(root, 'initramfs'), append: '' },
    ...changes,
  };
}

function wireTo(ifname: string): WorkSpec['wire'] {
  return { localPath: path.join(root, 'w', `${ifname}.v`), remotePath: path.join(root, 'w', `${ifname}.g`) };
}

function closed(stream: { destroy(): void; once(event: 'close', listener: () => void): unknown }): Promise<void> {
  return new Promise((resolve) => {
    stream.once('close', resolve);
    stream.destroy();
  });
}

async function settled(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol('pending');
  return (await Promise.race([promise, new Promise((resolve) => setImmediate(resolve, pending))])) !== pending;
}
