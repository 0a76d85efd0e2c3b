import { describe, expect, test } from '@jest/globals';
import {
  Machines,
  MemoryGatewayHost,
  MemoryWorkHost,
  type MemoryWorkMachine,
} from '../../../src/drivers/memory/index.ts';
import { gatewayBoot, workSpec } from './specs.ts';

const FOLDER = '/nonexistent/vmgate/gw';

describe('planted faults', () => {
  test('fail: the call rejects and nothing happened', async () => {
    const host = new MemoryWorkHost();
    const work = await host.start(workSpec());
    host.machines.faults.plant('setLink', 'fail');
    await expect(work.setLink(true)).rejects.toMatchObject({ code: 'DRIVER_GONE' });
    expect(host.machines.running(workSpec().folder)?.link).toBe('down');
    await work.setLink(true);
    expect(host.machines.running(workSpec().folder)?.link).toBe('up');
  });

  test('die: the machine is gone afterwards', async () => {
    const host = new MemoryWorkHost();
    const work = await host.start(workSpec());
    host.machines.faults.plant('resume', 'die');
    await expect(work.resume()).rejects.toMatchObject({ code: 'DRIVER_GONE' });
    await expect(work.ended).resolves.toMatchObject({ by: 'unknown' });
    await expect(host.isRunning(workSpec().folder)).resolves.toBe(false);
  });

  test('hang: the call never settles, other calls do', async () => {
    const host = new MemoryWorkHost();
    const work = await host.start(workSpec());
    host.machines.faults.plant('facts', 'hang');
    let settled = false;
    void work.facts().finally(() => {
      settled = true;
    });
    await work.resume();
    expect(settled).toBe(false);
  });

  test('are met as often as planted, in order', async () => {
    const host = new MemoryGatewayHost();
    host.machines.faults.plant('boot', 'fail', 2);
    const boot = () => host.boot(gatewayBoot({ runFolder: FOLDER, initramfs: `${FOLDER}/i` }));
    await expect(boot()).rejects.toThrow('fault in boot');
    await expect(boot()).rejects.toThrow('fault in boot');
    await expect(boot()).resolves.toBeDefined();
  });
});

describe('a work VM', () => {
  test('is online only while it runs with its link up', async () => {
    const host = new MemoryWorkHost();
    const work = await host.start(workSpec());
    const online = () => host.machines.running(workSpec().folder)?.isOnline;
    expect(online()).toBe(false);
    await work.setLink(true);
    expect(online()).toBe(false);
    await work.resume();
    expect(online()).toBe(true);
    await work.pause();
    expect(online()).toBe(false);
    await work.resume();
    expect(online()).toBe(false);
  });

  test('survives its supervisor with the link as it was, until it is adopted', async () => {
    const machines = new Machines<MemoryWorkMachine>();
    const first = await new MemoryWorkHost(machines).start(workSpec());
    await first.resume();
    await first.setLink(true);
    machines.disconnectAll();
    expect(machines.running(workSpec().folder)?.isOnline).toBe(true);
    await expect(first.setLink(true)).rejects.toMatchObject({ code: 'DRIVER_GONE' });
    const adopted = await new MemoryWorkHost(machines).adopt(workSpec());
    expect(adopted?.pid).toBe(first.pid);
    expect(machines.running(workSpec().folder)).toMatchObject({ link: 'down', status: 'running' });
  });

  test('can be made to tell of what should not be there', async () => {
    const host = new MemoryWorkHost();
    const work = await host.start(workSpec());
    const machine = host.machines.running(workSpec().folder);
    if (machine !== undefined) machine.tamper = (facts) => ({ ...facts, cards: [...facts.cards, ...facts.cards] });
    await expect(work.facts()).resolves.toMatchObject({ cards: [{ id: 'nic' }, { id: 'nic' }] });
  });

  test('obeys the power button unless a test says otherwise', async () => {
    const host = new MemoryWorkHost();
    const work = await host.start(workSpec());
    await work.powerDown();
    await work.resume();
    await work.powerDown();
    await expect(work.ended).resolves.toMatchObject({ by: 'guest' });
  });
});

describe('a gateway', () => {
  test('has a guest end of the control channel and of the probe link', async () => {
    const host = new MemoryGatewayHost();
    const gateway = await host.boot(gatewayBoot({ runFolder: FOLDER, initramfs: `${FOLDER}/i` }));
    const machine = host.machines.running(FOLDER);
    const control = await gateway.openControl();
    const received = new Promise((resolve) => control.once('data', (chunk) => resolve(String(chunk))));
    machine?.control?.write('SSH-2.0-test\r\n');
    await expect(received).resolves.toBe('SSH-2.0-test\r\n');
    const probe = await gateway.openProbe();
    const heard: Buffer[] = [];
    probe.onFrame((frame) => heard.push(frame));
    probe.send(Buffer.alloc(60, 1));
    machine?.emitProbe(Buffer.alloc(60, 2));
    expect(machine?.injected).toEqual([Buffer.alloc(60, 1)]);
    expect(heard).toEqual([Buffer.alloc(60, 2)]);
    await probe.close();
    machine?.emitProbe(Buffer.alloc(60, 3));
    expect(heard).toHaveLength(1);
  });

  test('remembers the end of what its guest printed', async () => {
    const host = new MemoryGatewayHost();
    const gateway = await host.boot(gatewayBoot({ runFolder: FOLDER, initramfs: `${FOLDER}/i` }));
    const machine = host.machines.running(FOLDER);
    if (machine !== undefined) machine.printed = `${'x'.repeat(100_000)}end`;
    expect(gateway.consoleTail()).toHaveLength(65_536);
    expect(gateway.consoleTail().endsWith('end')).toBe(true);
  });
});
