/** Sensors that notice what a test tells them to; the machine it runs on is none of a gate's in memory. */
import type { VmgateError } from '../../../src/core/coded.ts';
import { VmgateError as Fault } from '../../../src/core/coded.ts';
import { type NetworkNotice, sensorErrors } from '../../../src/sensors/index.ts';
import type { NetworkWatch, Senses } from '../../../src/supervisor/senses.ts';

export class FakeSenses implements Senses {
  /** Addresses that were watched, in order. */
  readonly watched: string[] = [];
  isClosed = false;
  #lost: VmgateError | undefined;
  #notice: (notice: NetworkNotice) => void = () => undefined;

  /** Before the next thing that happens to the gate. */
  sleep(seconds: number): void {
    this.#lost = Fault.of(sensorErrors.SENSOR_TIME_LOST, { how: 'slept' as const, seconds });
  }

  moveNetwork(...changes: readonly string[]): void {
    this.#notice({ kind: 'shaken', fault: Fault.of(sensorErrors.SENSOR_NETWORK_CHANGED, { changes }) });
  }

  stirNetwork(...changes: readonly string[]): void {
    this.#notice({ kind: 'stirred', changes });
  }

  readonly timeLost = (): VmgateError | undefined => {
    const lost = this.#lost;
    this.#lost = undefined;
    return lost;
  };

  readonly watchNetwork: Senses['watchNetwork'] = (_world, notice): NetworkWatch => {
    this.#notice = notice;
    return {
      watch: async (address) => {
        this.watched.push(address);
      },
      close: () => {
        this.isClosed = true;
      },
    };
  };
}
