/** What is noticed about the machine around a gate: its clocks and its network. It tells; the gate decides. */
export { ClockSensor, hostClocks } from './clock-sensor.ts';
export { errors as sensorErrors, events as sensorEvents } from './codes.ts';
export { type HostNetwork, hostNetwork } from './host-network.ts';
export { type NetworkNotice, NetworkSensor } from './network-sensor.ts';
