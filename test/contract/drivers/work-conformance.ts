import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { judgeDefinition } from '../../../src/core/definition.ts';
import type { Subject } from './conformance.ts';
import { Stand } from './stand.ts';

export function workTests({ workHost, murder, guestPowersOff, makeDisk }: Subject): void {
  let stand: Stand;
  beforeEach(async () => {
    stand = await Stand.build();
  });
  afterEach(() => stand.clear());

  test('start frozen, as asked for, and run when told to', async () => {
    const spec = stand.workSpec();
    const work = await stand.start(workHost(), spec);
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
    const [overlay, base] = [stand.at('web', 'disk.qcow2'), stand.at(`my, base.${format}`)];
    await makeDisk(overlay, base);
    const spec = stand.workSpec({ hardware, boot: { kind: 'disk', overlay, base: { path: base, format } } });
    const work = await stand.start(workHost(), spec);
    expect(judgeDefinition(spec, await work.facts())).toMatchObject({
      outcome: 'verified',
      evidence: expect.anything(),
    });
    const asked = stand.workSpec({ hardware, boot: { kind: 'disk', overlay, base: { path: '/other', format } } });
    expect(judgeDefinition(asked, await work.facts())).toMatchObject({ outcome: 'refuted' });
  });

  test.each(['virtio', 'compat'] as const)('with %s hardware and a screen are what was asked for', async (hardware) => {
    const spec = stand.workSpec({ hardware, display: 'vnc' });
    const work = await stand.start(workHost(), spec);
    expect(judgeDefinition(spec, await work.facts())).toMatchObject({ outcome: 'verified' });
    const blind = stand.workSpec({ hardware });
    expect(judgeDefinition(blind, await work.facts())).toMatchObject({ outcome: 'refuted' });
    const picture = stand.at('web', 'picture.png');
    await work.screenshot(picture);
    expect((await readFile(picture)).subarray(1, 4).toString()).toBe('PNG');
    expect((await stat(picture)).mode & 0o777).toBe(0o600);
    await expect(work.screenshot(picture)).rejects.toThrow('EEXIST');
    await work.kill();
    expect(await readdir(spec.folder)).toEqual(['picture.png']);
  });

  test('are refused a second process, and are not hurt by it', async () => {
    const spec = stand.workSpec();
    const work = await stand.start(workHost(), spec);
    await expect(workHost().start(spec)).rejects.toMatchObject({ code: 'DRIVER_ALREADY_RUNNING' });
    await expect(work.facts()).resolves.toMatchObject({ name: 'web' });
  });

  test('started twice at once run once', async () => {
    const spec = stand.workSpec();
    const results = await Promise.allSettled([stand.start(workHost(), spec), stand.start(workHost(), spec)]);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(results.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { code: 'DRIVER_ALREADY_RUNNING' },
    });
    await expect(workHost().isRunning(spec.folder)).resolves.toBe(true);
  });

  test('two at once keep to themselves', async () => {
    const host = workHost();
    const web = await stand.start(host, stand.workSpec());
    const bank = await stand.start(
      host,
      stand.workSpec({ name: 'bank', folder: stand.at('bank'), wire: stand.wireTo('work1') }),
    );
    await web.kill();
    await expect(bank.facts()).resolves.toMatchObject({ name: 'bank' });
  });

  test('outlive their supervisor and are adopted by the next', async () => {
    const spec = stand.workSpec();
    const first = await stand.start(workHost(), spec);
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
    await expect(readdir(stand.at('w'))).resolves.toEqual([]);
  });

  test('are not adopted while somebody else looks after them', async () => {
    const spec = stand.workSpec();
    const work = await stand.start(workHost(), spec);
    await expect(workHost().adopt(spec)).rejects.toMatchObject({ code: 'DRIVER_QMP_BUSY' });
    await expect(work.facts()).resolves.toMatchObject({ status: 'prelaunch' });
  });

  test('that are not there cannot be adopted', async () => {
    const spec = stand.workSpec();
    await expect(workHost().adopt(spec)).resolves.toBeUndefined();
    await expect(workHost().isRunning(spec.folder)).resolves.toBe(false);
    const work = await stand.start(workHost(), spec);
    murder(work.pid, spec.folder);
    await work.ended;
    await expect(workHost().adopt(spec)).resolves.toBeUndefined();
    await expect(workHost().isRunning(spec.folder)).resolves.toBe(false);
  });

  test('start again after a crash left its traces', async () => {
    const spec = stand.workSpec();
    const work = await stand.start(workHost(), spec);
    murder(work.pid, spec.folder);
    await expect(work.ended).resolves.toMatchObject({ by: 'host' });
    await expect(work.facts()).rejects.toMatchObject({ code: 'DRIVER_GONE' });
    const again = await stand.start(workHost(), spec);
    expect(again.pid).not.toBe(work.pid);
  });

  test('leave nothing when they are killed, twice', async () => {
    const spec = stand.workSpec();
    const work = await stand.start(workHost(), spec);
    await work.kill();
    await work.kill();
    await expect(work.ended).resolves.toMatchObject({ by: 'host' });
    await expect(workHost().isRunning(spec.folder)).resolves.toBe(false);
    await expect(readdir(spec.folder)).resolves.toEqual([]);
    await expect(readdir(stand.at('w'))).resolves.toEqual([]);
  });

  test('are reaped whoever looks after them, and keep their disks', async () => {
    const spec = stand.workSpec();
    await writeFile(path.join(spec.folder, 'disk.qcow2'), 'kept');
    const work = await stand.start(workHost(), spec);
    await workHost().reap(spec.folder);
    await expect(work.ended).resolves.toMatchObject({ by: 'host' });
    await expect(workHost().isRunning(spec.folder)).resolves.toBe(false);
    await expect(readdir(spec.folder)).resolves.toEqual(['disk.qcow2']);
    await workHost().reap(spec.folder);
  });

  test('that switch themselves off say so', async () => {
    const spec = stand.workSpec();
    const work = await stand.start(workHost(), spec);
    await work.resume();
    await guestPowersOff(work, spec.folder);
    await expect(work.ended).resolves.toMatchObject({ by: 'guest', detail: 'guest-shutdown' });
    await work.kill();
  });

  test('in a folder too deep for a socket are refused before anything runs', async () => {
    const folder = stand.at('x'.repeat(100));
    await mkdir(folder);
    const starting = workHost().start(stand.workSpec({ folder }));
    await expect(starting).rejects.toMatchObject({ code: 'DRIVER_SOCKET_PATH_TOO_LONG', exit: 2 });
    await expect(workHost().isRunning(folder)).resolves.toBe(false);
  });
}
