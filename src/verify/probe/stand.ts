/**
 * Keeps one station on the probe link for the life of a gateway: setting it up costs the hypervisor four new objects, and
 * the cheap loop comes by every few seconds.
 */
import type { LinkPlan } from '../../core/link-plan.ts';
import type { ProbeWire } from '../../drivers/driver.ts';
import { ProbeStation } from './station.ts';

export interface ProbeStand {
  /** The station, set up if need be and reached by ARP. A deaf one is given up, so that the next call sets up anew. */
  open(limitMs: number): Promise<ProbeStation>;
  /** Idempotent. Never rejects: the hypervisor may be gone already. */
  close(): Promise<void>;
}

export function probeStand(openWire: () => Promise<ProbeWire>, link: LinkPlan['probe']): ProbeStand {
  let standing: Promise<ProbeStation> | undefined;
  const close = async () => {
    const leaving = standing;
    standing = undefined;
    await leaving?.then((station) => station.close()).catch(() => undefined);
  };
  return {
    close,
    async open(limitMs) {
      standing ??= openWire().then((wire) => new ProbeStation(wire, link));
      try {
        const station = await standing;
        await station.reach(limitMs);
        return station;
      } catch (cause) {
        await close();
        throw cause;
      }
    },
  };
}
