/** The sensor on a machine whose network a test changes by hand. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { CodedEvent } from '../../../src/core/coded.ts';
import type { RunRequest, RunResult } from '../../../src/host/index.ts';
import type { HostNetwork } from '../../../src/sensors/host-network.ts';
import { type NetworkNotice, NetworkSensor } from '../../../src/sensors/network-sensor.ts';
import type { NetworkView } from '../../../src/sensors/network-view.ts';

const CAFE: NetworkView = {
  path: { source: '192.168.1.23', card: 'wlan0', router: '192.168.1.1', wifi: 'Cafe' },
  resolvers: ['192.168.1.1'],
  addresses: ['wlan0 192.168.1.23/24'],
};
const TRAIN: NetworkView = {
  path: { source: '10.31.4.7', card: 'wlan0', router: '10.31.0.1', wifi: 'Train' },
  resolvers: ['10.31.0.1'],
  addresses: ['wlan0 10.31.4.7/16'],
};
const ENDPOINT = '198.51.100.10';
/** So that only the tool's word makes it look. */
const NEVER_MS = 3_600_000;

class Machine {
  view: NetworkView = CAFE;
  fails: string | undefined;
  looks = 0;
  readonly targets = new Set<string>();
  readonly notices: string[] = [];
  readonly records: string[] = [];
  #say: (line: string) => void = () => undefined;
  readonly sensor: NetworkSensor;

  constructor(pollMs = NEVER_MS, stirredEveryMs = 0) {
    const host: HostNetwork = {
      pollMs,
      monitor: { name: 'ip monitor', tool: 'sh', argv: [], isLine: () => true },
      look: async (target) => {
        this.looks += 1;
        this.targets.add(target);
        if (this.fails !== undefined) throw new Error(this.fails);
        return this.view;
      },
    };
    const run = ({ onStdout, signal }: RunRequest): Promise<RunResult> => {
      this.#say = (line) => onStdout?.(Buffer.from(`${line}\n`));
      return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new Error('over'))));
    };
    const listener = {
      notice: (notice: NetworkNotice) =>
        this.notices.push(
          notice.kind === 'shaken' ? `shaken: ${notice.fault.what}` : `stirred: ${notice.changes.join(', ')}`,
        ),
      record: ({ code, text }: CodedEvent) => this.records.push(`${code} ${text}`),
    };
    this.sensor = new NetworkSensor(host, listener, { run, stirredEveryMs });
  }

  /** The monitor says something; the looks that follow are over. */
  async says(view: NetworkView): Promise<void> {
    this.view = view;
    this.#say('2: wlan0    inet 10.31.4.7/16');
    await delay(300);
  }
}

let machine: Machine;
afterEach(() => machine.sensor.close());

const started = async (...args: ConstructorParameters<typeof Machine>) => {
  machine = new Machine(...args);
  await machine.sensor.watch(ENDPOINT);
};

describe('a change', () => {
  test('is told once, as soon as the tool says something', async () => {
    await started();
    await machine.says(TRAIN);
    expect(machine.notices).toEqual([
      'shaken: the network of this machine changed: address 192.168.1.23 -> 10.31.4.7, router 192.168.1.1 -> 10.31.0.1, Wi-Fi Cafe -> Train, resolvers 192.168.1.1 -> 10.31.0.1',
    ]);
    expect(machine.targets).toContain(ENDPOINT);
  });

  test('is noticed without the tool too, within an interval', async () => {
    await started(50);
    machine.view = TRAIN;
    await delay(150);
    expect(machine.notices).toHaveLength(1);
  });

  test('to no way at all, and back', async () => {
    await started();
    await machine.says({ ...CAFE, path: undefined });
    await machine.says(CAFE);
    expect(machine.notices).toEqual([
      `shaken: this machine has no way to ${ENDPOINT} any more`,
      'shaken: the network of this machine changed: there is a way again, from 192.168.1.23',
    ]);
  });

  test('that cannot matter asks for a verification and no more', async () => {
    await started();
    await machine.says({ ...CAFE, addresses: [...CAFE.addresses, 'docker0 172.17.0.1/16'] });
    expect(machine.notices).toEqual(['stirred: docker0 172.17.0.1/16 came']);
  });

  test('what the tool says without any change is nothing', async () => {
    await started();
    await machine.says({ ...CAFE });
    expect(machine.notices).toEqual([]);
  });

  test('a burst of lines is two looks', async () => {
    await started();
    const { looks } = machine;
    for (let line = 0; line < 500; line += 1) void machine.says(CAFE);
    await delay(400);
    expect(machine.looks - looks).toBeLessThanOrEqual(3);
    expect(machine.looks - looks).toBeGreaterThanOrEqual(2);
  });

  test('what cannot matter is told once in a while, however often it changes', async () => {
    await started(NEVER_MS, 700);
    for (const last of [1, 2, 3, 4]) {
      await machine.says({ ...CAFE, addresses: [...CAFE.addresses, `veth${last} 10.9.0.${last}/24`] });
    }
    expect(machine.notices.length).toBeLessThanOrEqual(2);
    expect(machine.notices[0]).toBe('stirred: veth1 10.9.0.1/24 came');
  });
});

describe('what is watched', () => {
  test('a watch begins anew: what was before it is no change', async () => {
    await started();
    machine.view = TRAIN;
    await machine.sensor.watch('203.0.113.5');
    await machine.says(TRAIN);
    expect(machine.notices).toEqual([]);
  });

  test('nothing is told after the end', async () => {
    await started(20);
    machine.sensor.close();
    machine.view = TRAIN;
    await delay(100);
    expect(machine.notices).toEqual([]);
  });
});

describe('a sensor that cannot look', () => {
  test('says so once, closes nothing, and says when it can again', async () => {
    await started(20);
    machine.fails = 'EMFILE: too many open files';
    await delay(120);
    machine.fails = undefined;
    await delay(60);
    expect(machine.records).toEqual([
      'SENSOR_LOST the sensor network cannot look: EMFILE: too many open files; the checks of an open gate go on',
      'SENSOR_BACK the sensor network works again',
    ]);
    expect(machine.notices).toEqual([]);
  });

  test('what changed meanwhile is noticed afterwards', async () => {
    await started(20);
    machine.fails = 'EMFILE';
    machine.view = TRAIN;
    await delay(60);
    machine.fails = undefined;
    await delay(60);
    expect(machine.notices).toHaveLength(1);
  });
});
