import {
  Machines,
  MemoryGatewayHost,
  type MemoryGatewayMachine,
  MemoryWorkHost,
  type MemoryWorkMachine,
} from '../../../src/drivers/memory/index.ts';
import { conformance } from './conformance.ts';

const gateways = new Machines<MemoryGatewayMachine>();
const works = new Machines<MemoryWorkMachine>();

conformance('memory', {
  gatewayHost: () => new MemoryGatewayHost(gateways),
  workHost: () => new MemoryWorkHost(works),
  murder: (_, folder) => (gateways.running(folder) ?? works.running(folder))?.finish('host', 'killed by SIGKILL'),
  guestPowersOff: async (_, folder) => works.running(folder)?.finish('guest', 'guest-shutdown'),
  makeDisk: async () => {},
});
