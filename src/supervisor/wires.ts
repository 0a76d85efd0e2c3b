/** Where the two ends of each wire are bound. The names outlive a gateway: a work VM's wire heals when a fresh one binds. */
import path from 'node:path';
import type { GateLayout } from '../home/index.ts';

export interface Wire {
  readonly gatewayPath: string;
  readonly guestPath: string;
}

export function wireOf(layout: GateLayout, ifname: string): Wire {
  return { gatewayPath: path.join(layout.wires, `${ifname}.g`), guestPath: path.join(layout.wires, `${ifname}.w`) };
}
