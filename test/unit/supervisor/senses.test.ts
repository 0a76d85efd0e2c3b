/** What a supervisor does with what its sensors tell, and with work VMs that are not to run on while the gate is closed. */
import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { readJournal } from '../../../src/home/index.ts';
import { Stand } from './stand.ts';

jest.setTimeout(20_000);

let stand: Stand;
beforeEach(async () => {
  stand = await Stand.open();
});
afterEach(() => stand.close());

async function open(config?: string): Promise<void> {
  if (config !== undefined) writeFileSync(stand.configPath, config);
  await stand.supervise();
  await stand.up();
  await stand.ask({ verb: 'start', name: 'a' });
}

function whys(phase: string): readonly string[] {
  const payloads = readJournal(stand.layout.journal).map(({ payload }) => payload as { phase?: string; why?: string });
  return payloads.filter((payload) => payload.phase === phase).map(({ why }) => why ?? '');
}

async function comesBack(): Promise<void> {
  await stand.until(async () => (await stand.phase()) === 'open' && stand.vm('a')?.isOnline === true);
}

describe('what was verified counts no more', () => {
  test.each<[string, () => void, string]>([
    ['a sleep', () => stand.senses.sleep(60), 'this machine slept for 60 s'],
    [
      'another network',
      () => stand.senses.moveNetwork('address 192.168.1.23 -> 10.31.4.7'),
      'the network of this machine changed: address 192.168.1.23 -> 10.31.4.7',
    ],
    [
      'a guard past its deadline',
      () => stand.parts.guard.report({ type: 'disarmed', why: 'deadline' }),
      'the guard let nothing out any more: it was not told to for too long',
    ],
    [
      'a guard whose clocks parted',
      () => stand.parts.guard.report({ type: 'disarmed', why: 'clock-jump' }),
      'the guard let nothing out any more: the clock jumped',
    ],
  ])(
    '%s: closed before anything else, open again with the same gateway and the same work VM',
    async (_, happen, why) => {
      await open();
      const { pid } = stand.vm('a') ?? {};
      happen();
      await stand.until(async () => (await stand.phase()) !== 'open');
      expect(stand.parts.guard.isArmed).toBe(false);
      expect(whys('closing')).toEqual([why]);
      await comesBack();
      expect(stand.vm('a')?.pid).toBe(pid);
      expect(stand.parts.guards).toHaveLength(1);
    },
  );

  test('the heartbeat that waited through a sleep does not arm the guard', async () => {
    await open();
    const { armedFor } = stand.parts.guard;
    const before = armedFor.length;
    stand.senses.sleep(60);
    let armed = false;
    const { guard } = stand.parts;
    const arm = guard.arm.bind(guard);
    guard.arm = () => {
      armed ||= whys('closing').length === 0;
      arm();
    };
    await stand.until(() => whys('closing').length > 0);
    expect(armed).toBe(false);
    expect(armedFor.length).toBe(before);
  });

  test('the gateway is told the time at each connect: its own stood still', async () => {
    await open();
    const told = () => stand.parts.control.said.filter((verb) => verb === 'clock').length;
    const before = told();
    stand.senses.sleep(60);
    await stand.until(async () => (await stand.phase()) !== 'open');
    await comesBack();
    expect(told()).toBe(before + 1);
  });

  test('the way to the endpoint is watched from each connect on, and by nobody after down', async () => {
    await open();
    expect(stand.senses.watched).toEqual(['9.9.9.9']);
    stand.senses.moveNetwork('router 192.168.1.1 -> 10.31.0.1');
    await stand.until(async () => (await stand.phase()) !== 'open');
    await comesBack();
    expect(stand.senses.watched).toEqual(['9.9.9.9', '9.9.9.9']);
    const { supervisor } = stand;
    await stand.ask({ verb: 'down' });
    await stand.during(supervisor?.done ?? Promise.resolve());
    expect(stand.senses.isClosed).toBe(true);
  });
});

describe('what cannot matter to the uplink', () => {
  test('is verified in full at the next pulse, told of, and closes nothing', async () => {
    await open();
    let isVerified = false;
    stand.parts.weather.beforeLease = async () => {
      isVerified = true;
    };
    stand.senses.stirNetwork('docker0 172.17.0.1/16 came');
    await stand.until(() => isVerified);
    expect(await stand.phase()).toBe('open');
    expect(whys('closing')).toEqual([]);
    expect(readJournal(stand.layout.journal).map(({ code }) => code)).toContain('SENSOR_STIRRED');
  });
});

describe('onLoss', () => {
  const config = (onLoss: string) =>
    `version: 1\nvpn: lab\nwork: {a: {template: tiny, onLoss: ${onLoss}}, b: {template: tiny}}\n`;

  test('pause: it stands still, wire down, until the gate is open again', async () => {
    await open(config('pause'));
    await stand.ask({ verb: 'start', name: 'b' });
    const { pid } = stand.vm('a') ?? {};
    stand.parts.weather.tunnel = 'dead';
    await stand.until(() => stand.vm('a')?.status === 'paused');
    expect(stand.vm('a')?.link).toBe('down');
    expect(stand.vm('b')).toMatchObject({ status: 'running', link: 'down' });
    expect(stand.works.machines.calls.lastIndexOf('setLink')).toBeLessThan(stand.works.machines.calls.indexOf('pause'));
    const status = (await stand.ask({ verb: 'status' })) as { work: { name: string; status: string }[] };
    expect(status.work).toMatchObject([
      { name: 'a', status: 'paused' },
      { name: 'b', status: 'running' },
    ]);
    stand.parts.weather.tunnel = 'up';
    await comesBack();
    expect(stand.vm('a')).toMatchObject({ pid, status: 'running' });
  });

  test('pause: one that is stopped while it stands still hears its power button', async () => {
    await open(config('pause'));
    const vm = stand.vm('a');
    stand.parts.weather.tunnel = 'dead';
    await stand.until(() => vm?.status === 'paused');
    await stand.ask({ verb: 'stop', name: 'a', force: false });
    expect(vm?.end?.by).toBe('guest');
    expect(vm?.link).toBe('down');
  });

  test('one whose definition nobody has judged is not woken to be stopped', async () => {
    await stand.supervise();
    await stand.up();
    stand.works.machines.faults.plant('facts', 'hang');
    const starting = stand.ask({ verb: 'start', name: 'a' }).catch(() => undefined);
    await stand.until(() => stand.vm('a') !== undefined && stand.works.machines.calls.includes('facts'));
    const vm = stand.vm('a');
    await stand.ask({ verb: 'stop', name: 'a', force: false });
    await starting;
    expect(vm?.end?.by).toBe('host');
    expect(stand.works.machines.calls).not.toContain('resume');
  });

  test('pause: one whose supervisor died is paused by the next', async () => {
    await open(config('pause'));
    stand.killSupervisor();
    await stand.during(stand.supervise());
    await stand.until(() => stand.vm('a')?.status === 'paused');
    await stand.up();
    await comesBack();
  });

  test('stop: it is shut down, and starts again when somebody says so', async () => {
    await open(config('stop'));
    const vm = stand.vm('a');
    stand.parts.weather.tunnel = 'dead';
    await stand.until(() => stand.vm('a') === undefined);
    expect(vm?.end?.by).toBe('guest');
    stand.parts.weather.tunnel = 'up';
    await stand.until(async () => (await stand.phase()) === 'open');
    expect(stand.vm('a')).toBeUndefined();
    await expect(stand.ask({ verb: 'start', name: 'a' })).resolves.toEqual({ already: false });
  });
});
