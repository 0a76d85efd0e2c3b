/** The lab: an untrusted network with a VPN server, for the demo, the tests and drills. */
export { LAB } from './addresses.ts';
export type { DnsQuerySeen, HttpRequestSeen, LabCounts, Reached } from './answers.ts';
export type { LabDhcp, LabFault, LabResolver } from './controls.ts';
export { arpSpoof, type ScanTarget, vlanTagged } from './hostile-frames.ts';
export { type ForgedError, fragmentationNeeded, icmpRedirect } from './hostile-icmp.ts';
export { dhcpv6Reply, neighbourRedirect, type Router6, routerAdvertisement } from './hostile-ipv6.ts';
export { Lab, type LabAttachment, type LabStart } from './lab.ts';
export { superviseInLab } from './lab-gate.ts';
export type { LabPass, LabPassPlan } from './pass.ts';
export type { LabRelay } from './relay.ts';
export type { WitnessCounts, WitnessedKind } from './witness.ts';
