/** What a supervisor notices of the machine around it: its clocks, and the network under the uplink. */
import type { VmgateError } from '../core/coded.ts';
import type { GateEvent } from '../core/gate/events.ts';
import { MAX_ARM_MS } from '../guard/index.ts';
import type { LabPass } from '../lab/pass.ts';
import { ClockSensor, hostNetwork, type NetworkNotice, NetworkSensor, sensorEvents } from '../sensors/index.ts';
import { ARM_MS } from './session.ts';
import type { World } from './world.ts';

/** Watches the way to an address, from the moment that it resolves on. */
export interface NetworkWatch {
  watch(address: string): Promise<void>;
  close(): void;
}

export interface Senses {
  /** Why what was verified before this moment counts no more; undefined as long as time passes as it should. */
  readonly timeLost: () => VmgateError | undefined;
  readonly watchNetwork: (world: World, notice: (notice: NetworkNotice) => void) => NetworkWatch;
}

/** A gap as long as the guard's deadline is one in which it passed. */
export function machineSenses(): Senses {
  const clock = new ClockSensor({ stillMs: ARM_MS, jumpMs: MAX_ARM_MS });
  return {
    timeLost: () => clock.look(),
    watchNetwork: (world, notice) => watchNetwork(world.lab, { notice, record: world.record }),
  };
}

/** As an event of the gate. */
export function heard(world: World, notice: NetworkNotice): GateEvent {
  if (notice.kind === 'shaken') return { type: 'shaken', fault: notice.fault.serialize() };
  world.emit(sensorEvents.SENSOR_STIRRED, { changes: notice.changes });
  return { type: 'recheck' };
}

/** A lab's uplink has nothing to do with the machine's network, unless the lab says what to watch in its stead. */
function watchNetwork(
  lab: LabPass | undefined,
  listener: ConstructorParameters<typeof NetworkSensor>[1],
): NetworkWatch {
  if (lab === undefined) return new NetworkSensor(hostNetwork(), listener);
  const { network } = lab;
  if (network === undefined) return { watch: async () => undefined, close: () => undefined };
  const sensor = new NetworkSensor(hostNetwork(network.resolvConf), listener);
  return { watch: () => sensor.watch(network.toward), close: () => sensor.close() };
}
