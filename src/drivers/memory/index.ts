/** The driver without a hypervisor: the same contract, for tests of whatever stands on it. */
export { type Fault, Faults } from './faults.ts';
export { MemoryGatewayHost, MemoryGatewayMachine } from './gateway-host.ts';
export { Machines, MemoryMachine } from './machines.ts';
export { MemoryWorkHost, MemoryWorkMachine } from './work-host.ts';
