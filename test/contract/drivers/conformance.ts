/**
 * What every driver must do, whatever runs the machines: QEMU and the in-memory driver pass the same tests, so that a
 * supervisor tested on the one behaves on the other.
 */
import { describe } from '@jest/globals';
import type { GatewayHost, RunningWork, WorkHost } from '../../../src/drivers/driver.ts';
import { gatewayTests } from './gateway-conformance.ts';
import { workTests } from './work-conformance.ts';

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
