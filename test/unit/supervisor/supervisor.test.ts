import { appendFileSync, existsSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { readJournal } from '../../../src/home/index.ts';
import { SupervisorClient } from '../../../src/supervisor/client.ts';
import type { StatusReport } from '../../../src/supervisor/protocol.ts';
import { Stand } from './stand.ts';

// Real files and sockets, on machines with more to do than cores.
jest.setTimeout(20_000);

let stand: Stand;
beforeEach(async () => {
  stand = await Stand.open();
  await stand.supervise();
});
afterEach(() => stand.close());

const receiptFile = () => path.join(stand.layout.receipts, 'receipt.json');

describe('a whole life', () => {
  test('start is refused before up; up, start, stop, down; nothing is left', async () => {
    await expect(stand.ask({ verb: 'start', name: 'a' })).rejects.toMatchObject({ code: 'GATE_NOT_VERIFIED', exit: 4 });
    expect(stand.vm('a')).toBeUndefined();
    await stand.up();
    expect(await stand.phase()).toBe('open');
    await expect(stand.ask({ verb: 'start', name: 'a' })).resolves.toEqual({ already: false });
    expect(stand.vm('a')?.isOnline).toBe(true);
    await expect(stand.ask({ verb: 'start', name: 'a' })).resolves.toEqual({ already: true });
    await expect(stand.ask({ verb: 'stop', name: 'a', force: false })).resolves.toEqual({ already: false });
    expect(stand.vm('a')).toBeUndefined();
    await stand.ask({ verb: 'start', name: 'b' });
    const { supervisor } = stand;
    await stand.ask({ verb: 'down' });
    await stand.during(supervisor?.done ?? Promise.reject(new Error('none')));
    expect(stand.vm('b')).toBeUndefined();
    expect(stand.gateways.machines.running(stand.layout.run)).toBeUndefined();
    expect(existsSync(stand.layout.socket)).toBe(false);
    expect(existsSync(receiptFile())).toBe(false);
    expect(stand.parts.guards.every(({ isDead }) => isDead)).toBe(true);
  });

  test('a work VM that was stopped leaves no lease behind that the next pulse would take for a stranger', async () => {
    await stand.up();
    await stand.ask({ verb: 'start', name: 'a' });
    expect([...stand.parts.control.leases]).toContain('work0');
    await stand.ask({ verb: 'stop', name: 'a', force: false });
    await stand.until(() => !stand.parts.control.leases.has('work0'));
    expect(await stand.phase()).toBe('open');
    expect(stand.parts.guards).toHaveLength(1);
  });

  test('an unknown name is the user’s error in every phase', async () => {
    await expect(stand.ask({ verb: 'start', name: 'c' })).rejects.toMatchObject({ code: 'GATE_UNKNOWN_VM', exit: 2 });
    await expect(stand.ask({ verb: 'stop', name: 'c', force: true })).rejects.toMatchObject({ exit: 2 });
  });

  test('down while the gateway boots leaves nothing, and its up is told', async () => {
    stand.parts.weather.beforeControl = () => new Promise(() => {});
    const up = stand.up().catch((cause: unknown) => cause);
    await stand.until(() => stand.gateways.machines.running(stand.layout.run) !== undefined);
    await stand.ask({ verb: 'down' });
    expect(await stand.during(up)).toMatchObject({ code: 'GATE_CANCELLED' });
    expect(stand.gateways.machines.running(stand.layout.run)).toBeUndefined();
  });
});

describe('what closes a gate', () => {
  beforeEach(async () => {
    await stand.up();
    await stand.ask({ verb: 'start', name: 'a' });
  });

  async function comesBack(): Promise<void> {
    const { pid } = stand.vm('a') ?? {};
    await stand.until(async () => (await stand.phase()) === 'open' && stand.vm('a')?.link === 'up');
    expect(stand.vm('a')?.pid).toBe(pid);
  }

  test('the tunnel dies: guard, lease and link are shut; it returns: the same VM is online again', async () => {
    await stand.until(() => existsSync(receiptFile()));
    stand.parts.weather.tunnel = 'dead';
    await stand.until(async () => (await stand.phase()) === 'closed');
    expect(stand.parts.guard.isArmed).toBe(false);
    expect([...stand.parts.control.leases]).toEqual([]);
    expect(stand.vm('a')?.isOnline).toBe(false);
    await stand.until(() => !existsSync(receiptFile()));
    await expect(stand.ask({ verb: 'start', name: 'b' })).rejects.toMatchObject({ exit: 4 });
    stand.parts.weather.tunnel = 'up';
    await comesBack();
  });

  test('a pulse that is unknown is not verified', async () => {
    stand.parts.weather.outcomes.set('ruleset', 'unknown');
    await stand.until(async () => (await stand.phase()) !== 'open');
    await stand.until(() => stand.vm('a')?.link === 'down');
  });

  test.each<[string, () => void]>([
    ['guard', () => stand.parts.guard.die()],
    ['control channel', () => stand.parts.control.break()],
    ['gateway', () => stand.gateways.machines.running(stand.layout.run)?.finish('unknown', 'killed')],
  ])('%s lost: a fresh gateway, the work VM runs on', async (_, lose) => {
    const { guards } = stand.parts;
    lose();
    await stand.until(() => guards.length === 2);
    expect(guards[0]?.isDead).toBe(true);
    await comesBack();
  });

  test('a configuration that changed meanwhile is not picked up by a recovery, only by an up that was asked with it', async () => {
    const confirmed = ((await stand.ask({ verb: 'status' })) as StatusReport).config?.digest;
    appendFileSync(stand.configPath, 'verify: {every: 40s}\n');
    stand.parts.guard.die();
    await comesBack();
    const recovered = (await stand.ask({ verb: 'status' })) as StatusReport;
    expect(recovered.config?.digest).toBe(confirmed);
    await stand.up();
    const asked = (await stand.ask({ verb: 'status' })) as StatusReport;
    expect(asked.config?.digest).not.toBe(confirmed);
  });

  test('news of a gateway that was replaced closes nothing', async () => {
    const [first] = stand.parts.guards;
    first?.die();
    await comesBack();
    first?.report({ type: 'disarmed', why: 'deadline' });
    first?.report({ type: 'gateway-lost', why: 'late' });
    expect(await stand.phase()).toBe('open');
    expect(stand.parts.guards).toHaveLength(2);
  });

  test('a foreign frame: violated until somebody says up', async () => {
    stand.parts.guard.report({ type: 'violation', why: 'UDP to 8.8.8.8', frame: '00', canary: false, recorded: true });
    await stand.until(async () => (await stand.phase()) === 'violated');
    expect(stand.vm('a')?.isOnline).toBe(false);
    expect(stand.gateways.machines.running(stand.layout.run)).toBeUndefined();
    expect(readJournal(stand.layout.journal).map(({ code }) => code)).toContain('GATE_FOREIGN_FRAME');
    await stand.up();
    await comesBack();
  });

  test('a link that cannot be lowered costs the gateway its life', async () => {
    stand.works.machines.faults.plant('setLink', 'hang');
    stand.parts.weather.tunnel = 'dead';
    await stand.until(() => stand.parts.guards[0]?.isDead === true);
    expect(stand.parts.guard.isArmed).toBe(false);
    stand.parts.weather.tunnel = 'up';
    await comesBack();
  });
});

describe('what a close overtakes', () => {
  test('a verification still under way asks for no lease any more', async () => {
    await stand.up();
    await stand.ask({ verb: 'start', name: 'a' });
    let go = () => {};
    let waits = false;
    stand.parts.weather.beforeLease = () => {
      waits = true;
      return new Promise((resolve) => {
        go = resolve;
      });
    };
    void stand.ask({ verb: 'verify' }).catch(() => undefined);
    await stand.until(() => waits);
    const { control } = stand.parts;
    stand.parts.weather.tunnel = 'dead';
    stand.parts.weather.beforeLease = async () => undefined;
    stand.parts.guard.die();
    await stand.until(() => control.said.at(-1) === 'unlease');
    go();
    await stand.until(() => stand.parts.guards.length > 1);
    expect(control.said.at(-1)).toBe('unlease');
    expect([...control.leases]).toEqual([]);
  });

  test('a start that the gate’s close cuts short is answered, and leaves no process', async () => {
    await stand.up();
    stand.works.machines.faults.plant('facts', 'hang');
    const started = stand.ask({ verb: 'start', name: 'a' }).catch((cause: unknown) => cause);
    await stand.until(() => stand.vm('a') !== undefined);
    stand.parts.weather.tunnel = 'dead';
    expect(await stand.during(started)).toMatchObject({ code: 'GATE_NOT_VERIFIED' });
    await stand.until(() => stand.vm('a') === undefined);
  });

  test('a start that is stopped before it is through leaves no process', async () => {
    await stand.up();
    stand.works.machines.faults.plant('facts', 'hang');
    const started = stand.ask({ verb: 'start', name: 'a' }).catch((cause: unknown) => cause);
    await stand.until(() => stand.vm('a') !== undefined);
    await stand.ask({ verb: 'stop', name: 'a', force: true });
    expect(await stand.during(started)).toMatchObject({ code: 'GATE_CANCELLED' });
    expect(stand.vm('a')).toBeUndefined();
    await expect(stand.ask({ verb: 'start', name: 'a' })).resolves.toEqual({ already: false });
  });
});

describe('work VMs', () => {
  test('a definition that is refuted gets no link, and no process afterwards', async () => {
    await stand.up();
    stand.smuggleCard();
    await expect(stand.ask({ verb: 'start', name: 'a' })).rejects.toMatchObject({
      code: 'GATE_DEFINITION_REFUTED',
      exit: 4,
    });
    await stand.until(() => stand.vm('a') === undefined);
  });

  test('one that ends by itself before it is ready says so', async () => {
    await stand.up();
    stand.works.machines.faults.plant('resume', 'die');
    await expect(stand.ask({ verb: 'start', name: 'a' })).rejects.toMatchObject({ exit: expect.any(Number) });
    expect(stand.vm('a')).toBeUndefined();
  });

  test('one that does not shut down is ended', async () => {
    await stand.up();
    await stand.ask({ verb: 'start', name: 'a' });
    const vm = stand.vm('a');
    if (vm !== undefined) vm.onPowerButton = () => undefined;
    await stand.ask({ verb: 'stop', name: 'a', force: false });
    expect(vm?.end?.by).toBe('host');
  });

  test('bytes travel both ways through dial, and a client that leaves takes the stream along', async () => {
    await stand.up();
    await stand.ask({ verb: 'start', name: 'a' });
    const client = await stand.client();
    const near = await stand.during(client.dial('a', 22));
    const far = stand.parts.weather.dialled;
    const heard: Buffer[] = [];
    near.on('data', (chunk: Buffer) => heard.push(chunk)).resume();
    far?.write('SSH-2.0-work');
    await stand.until(() => heard.length > 0);
    expect(Buffer.concat(heard).toString()).toBe('SSH-2.0-work');
    const gone = new Promise((resolve) => far?.once('close', resolve).resume());
    client.close();
    await stand.during(gone);
  });
});

describe('a supervisor that died', () => {
  async function takenOver(): Promise<void> {
    stand.killSupervisor();
    await stand.during(stand.supervise());
  }

  test('its successor adopts the work VM, link down, and brings it back without a restart', async () => {
    await stand.up();
    await stand.ask({ verb: 'start', name: 'a' });
    const { pid } = stand.vm('a') ?? {};
    await takenOver();
    expect(stand.vm('a')).toMatchObject({ pid, link: 'down' });
    expect(existsSync(receiptFile())).toBe(false);
    await stand.up();
    await stand.until(() => stand.vm('a')?.isOnline === true);
    expect(stand.vm('a')?.pid).toBe(pid);
  });

  test('an up that cannot boot leaves the adopted VM alone', async () => {
    await stand.up();
    await stand.ask({ verb: 'start', name: 'a' });
    await takenOver();
    stand.gateways.machines.faults.plant('boot', 'fail', 3);
    await expect(stand.up()).rejects.toMatchObject({ code: 'DRIVER_GONE' });
    expect(stand.vm('a')).toBeDefined();
  });

  test('a work VM that answers nobody is ended, not left with its link up', async () => {
    await stand.up();
    await stand.ask({ verb: 'start', name: 'a' });
    stand.works.machines.faults.plant('adopt', 'fail');
    await takenOver();
    expect(stand.vm('a')).toBeUndefined();
    expect(readJournal(stand.layout.journal).some(({ text }) => text.includes('could not be taken over'))).toBe(true);
  });
});

test('nobody listens: there is no client', async () => {
  await stand.ask({ verb: 'down' });
  await stand.during(stand.supervisor?.done ?? Promise.resolve());
  await expect(SupervisorClient.connect('default', stand.layout)).resolves.toBeUndefined();
});
