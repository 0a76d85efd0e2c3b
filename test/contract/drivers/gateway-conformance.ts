import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Subject } from './conformance.ts';
import { Stand } from './stand.ts';

export function gatewayTests({ gatewayHost, murder }: Subject): void {
  let stand: Stand;
  beforeEach(async () => {
    stand = await Stand.build();
  });
  afterEach(() => stand.clear());

  test('boots, forgets its initramfs, and leaves nothing when it is killed', async () => {
    const spec = await stand.gatewaySpec();
    const gateway = await stand.boot(gatewayHost(), spec);
    expect(gateway.pid).toBeGreaterThan(1);
    expect(existsSync(spec.initramfs)).toBe(false);
    expect(path.dirname(gateway.guardSockets.outgoing)).toBe(spec.runFolder);
    expect(path.dirname(gateway.guardSockets.released)).toBe(spec.runFolder);
    expect(gateway.guardSockets.outgoing).not.toBe(gateway.guardSockets.released);
    await gateway.kill();
    await expect(gateway.ended).resolves.toMatchObject({ by: 'host' });
    await expect(readdir(spec.runFolder)).resolves.toEqual([]);
    await expect(readdir(stand.at('w'))).resolves.toEqual([]);
    await gateway.kill();
  });

  test('is refused a second process in its folder, and is not hurt by it', async () => {
    const spec = await stand.gatewaySpec();
    const gateway = await stand.boot(gatewayHost(), spec);
    await expect(gatewayHost().boot(spec)).rejects.toMatchObject({ code: 'DRIVER_ALREADY_RUNNING' });
    await expect(settled(gateway.ended)).resolves.toBe(false);
    await expect(gateway.openControl()).resolves.toBeDefined();
  });

  test('is reaped by another supervisor', async () => {
    const spec = await stand.gatewaySpec();
    const gateway = await stand.boot(gatewayHost(), spec);
    await gatewayHost().reap(spec.runFolder);
    await expect(gateway.ended).resolves.toMatchObject({ by: 'host' });
    await expect(readdir(spec.runFolder)).resolves.toEqual([]);
    await gatewayHost().reap(spec.runFolder);
    await gatewayHost().reap(stand.at('absent'));
  });

  test('tells of its end when somebody else kills it', async () => {
    const spec = await stand.gatewaySpec();
    const gateway = await stand.boot(gatewayHost(), spec);
    murder(gateway.pid, spec.runFolder);
    await expect(gateway.ended).resolves.toMatchObject({ by: 'host', detail: 'killed by SIGKILL' });
    await expect(gateway.openControl()).rejects.toMatchObject({ code: 'DRIVER_CONTROL_UNREACHABLE' });
    await expect(gateway.openProbe()).rejects.toMatchObject({ code: 'DRIVER_GONE' });
    expect(typeof gateway.consoleTail()).toBe('string');
    await gateway.kill();
    await expect(readdir(spec.runFolder)).resolves.toEqual([]);
  });

  test('has one control channel, which can be opened again', async () => {
    const gateway = await stand.boot(gatewayHost(), await stand.gatewaySpec());
    const first = await gateway.openControl();
    await expect(gateway.openControl()).rejects.toMatchObject({ code: 'DRIVER_CONTROL_UNREACHABLE' });
    await closed(first);
    await closed(await gateway.openControl());
  });

  test('ends its control channel with itself', async () => {
    const gateway = await stand.boot(gatewayHost(), await stand.gatewaySpec());
    const control = await gateway.openControl();
    control.on('error', () => {});
    control.resume();
    const gone = new Promise((resolve) => control.once('close', resolve));
    await gateway.kill();
    await gone;
  });

  test('has one probe stand at a time, which can be taken again', async () => {
    const gateway = await stand.boot(gatewayHost(), await stand.gatewaySpec());
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
    const gateway = await stand.boot(gatewayHost(), await stand.gatewaySpec());
    const probe = await gateway.openProbe();
    await gateway.kill();
    probe.send(Buffer.alloc(60));
    await probe.close();
  });
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
