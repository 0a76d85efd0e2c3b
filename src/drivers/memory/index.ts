/** The driver without a hypervisor: the same contract, for tests of whatever stands on it. */
export { MemoryGatewayHost, type MemoryGatewayMachine } from './gateway-host.ts';
export { Machines } from './machines.ts';
export { MemoryWorkHost, type MemoryWorkMachine } from './work-host.ts';
