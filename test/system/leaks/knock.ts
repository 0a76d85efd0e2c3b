/** Knocks from the untrusted network: what a gateway with a backdoor obeys (src/lab/backdoor.ts). */
import { knocks, LAB, type Lab } from '../../../src/lab/index.ts';

/** Of a gate on the lab's wire. */
const ADDRESS = '192.168.77.50';

/** Has the gateway whose uplink has `mac` run its line of that number, within a second. */
export async function obey(lab: Lab, mac: string, line: number): Promise<void> {
  const hop = { sourceMac: LAB.routerMac, destinationMac: mac };
  await lab.inject(knocks(hop, { source: LAB.router, destination: ADDRESS }, line));
}
