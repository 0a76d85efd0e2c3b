/** The part of a fault's hand that hits the parts of a gate, and the VPN server. */
import { VmgateError } from '../core/coded.ts';
import type { Stage } from '../demo/index.ts';
import { QmpClient } from '../drivers/index.ts';
import { pidOf } from '../lab/index.ts';
import { errors } from './codes.ts';
import { type FaultHand, INSIDE } from './faults.ts';

/** `knock`: has the gateway run its line of this number. `act` is called when the hand acts, to the moment. */
export function partsHand(
  { gate, lab }: Stage,
  knock: (line: number) => void,
  up: () => Promise<void>,
  act: () => void,
): Pick<FaultHand, 'server' | 'network' | 'inside' | 'signal' | 'machine' | 'up'> {
  return {
    server: (state) => {
      act();
      return lab.server(state);
    },
    network: (fault, active) => {
      act();
      return lab.fault(fault, active);
    },
    inside: (line) => {
      act();
      knock(INSIDE.indexOf(line) + 1);
    },
    signal: async (part, signal) => {
      const pid = await pidOf(gate, part);
      if (pid === undefined) {
        throw VmgateError.of(errors.DRILL_STUCK, { fault: signal, waitedFor: `a process of the ${part}`, seconds: 0 });
      }
      act();
      process.kill(pid, signal);
    },
    machine: async (command) => {
      const monitor = await QmpClient.connect("the gateway's machine", lab.watch.monitor);
      act();
      await monitor.execute(command).finally(() => monitor.close());
    },
    up: () => {
      act();
      return up();
    },
  };
}
